package launch

import (
	"fmt"
	"slices"
	"strings"
)

// commandline is what there is to know of a command line of Delve's.
type commandline struct {
	// program is the program that Delve's exec command starts, args are its
	// arguments. program is empty if the command is another one.
	program string
	args    []string

	// flags are the words ahead of and behind the command that are flags for any
	// command of Delve's, Delve itself first.
	flags []string

	// proceed is set by --continue, which only some commands know.
	proceed bool

	// listen is the value of --listen, empty if not set.
	listen string

	// headless and multi tell whether --headless and --accept-multiclient are
	// set. Without the latter, the first client to leave ends Delve.
	headless, multi bool

	// moot is a flag that asks Delve to start the program in another way than
	// production does, empty if there is none.
	moot string
}

// supervised tells whether Delve is to start a program and to serve it.
func (c commandline) supervised() bool { return c.program != "" && c.headless }

// check reports flags with which a debugger cannot be supervised.
func (c commandline) check() error {
	if c.moot != "" {
		return fmt.Errorf("the debugger's flag %s is not supported, because the program starts as in production: remove it, and use the container's settings", c.moot)
	}
	if c.proceed && !c.multi {
		return fmt.Errorf("running the program before a client connects needs the debugger's flag --accept-multiclient: add it, or set %s=%s", modeVariable, modeHold)
	}
	return nil
}

// parseCommandline reads argv, whose first word is Delve itself. Flags may
// stand before and after the command, the last one wins, and "--" ends them.
func parseCommandline(argv []string) commandline {
	c := commandline{flags: argv[:1:1]}
	command := ""
	for i := 1; i < len(argv); i++ {
		word := argv[i]
		if word == "--" {
			if c.program != "" {
				c.args = argv[i+1:]
			}
			break
		}
		if !strings.HasPrefix(word, "-") {
			switch {
			case command == "":
				command = word
			case command == "exec" && c.program == "":
				c.program = word
			}
			continue
		}
		name, _, hasValue := strings.Cut(word, "=")
		end := i + 1
		if !hasValue && takesValue[name] && end < len(argv) {
			end++
		}
		c.flag(argv[i:end])
		i = end - 1
	}
	return c
}

// flag reads one flag: a word, or two where the second is its value.
func (c *commandline) flag(words []string) {
	name, value, hasValue := strings.Cut(words[0], "=")
	if len(words) > 1 {
		value = words[1]
	}
	set := !hasValue || truth(value)
	short := !strings.HasPrefix(name, "--")
	switch {
	case name == "--continue":
		c.proceed = set
		return
	case startsProgram[name] || short && strings.HasPrefix(name, "-r"):
		c.moot = name
	case name == "--headless":
		c.headless = set
	case name == "--accept-multiclient":
		c.multi = set
	case name == "--listen" || name == "-l":
		c.listen = value
	case short && strings.HasPrefix(name, "-l"):
		c.listen = strings.TrimPrefix(words[0], "-l")
	}
	c.flags = append(c.flags, words...)
}

// attach is the command line that attaches to a process instead.
func (c commandline) attach(pid string, proceed bool) []string {
	argv := append(slices.Clone(c.flags), "attach", pid)
	if proceed && c.multi {
		// Known to the attach command of each shipped version.
		argv = append(argv, "--continue")
	}
	return argv
}

// takesValue holds Delve's flags that may take the next word as their value
// (github.com/go-delve/delve/cmd/dlv/cmds, version 1.27.2).
var takesValue = map[string]bool{
	"--api-version": true, "--backend": true, "--build-flags": true, "--init": true,
	"--listen": true, "-l": true, "--log-dest": true, "--log-output": true,
	"--redirect": true, "-r": true, "--wd": true, "--tty": true,
}

// startsProgram holds the flags that say how Delve starts a program.
var startsProgram = map[string]bool{"--redirect": true, "-r": true, "--wd": true, "--tty": true}

// truth reads a flag's value as pflag does, for the values that mean true.
func truth(value string) bool {
	switch value {
	case "1", "t", "T", "true", "TRUE", "True":
		return true
	}
	return false
}
