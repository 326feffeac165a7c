package sidecar

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// serving is the command line of a Delve that serves the process pid at an address. The
// process runs on at once.
func (p plan) serving(pid int, addr string) []string {
	argv := slices.Clone(p.Debugger)
	for i, word := range argv {
		if strings.HasPrefix(word, listenFlag) {
			argv[i] = listenFlag + addr
		}
	}
	// Every shipped version knows --continue, behind its command only.
	return append(argv, "attach", "--continue", strconv.Itoa(pid))
}

const listenFlag = "--listen="

// prompt is the command line of a Delve that talks to a terminal, and to the Delve that serves
// at an address.
func (p plan) prompt(addr string) []string { return []string{p.Debugger[0], "connect", addr} }

// listen is the address that clients find the debugger at.
func (p plan) listen() string {
	address := ""
	for _, word := range p.Debugger {
		if value, ok := strings.CutPrefix(word, listenFlag); ok {
			address = value
		}
	}
	return address
}

// delveEnv is this process's environment with a config folder for Delve alone.
func delveEnv(config string) []string {
	const name = "XDG_CONFIG_HOME="
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, name) })
	return append(env, name+config)
}
