package frontend

import (
	"path"
	"slices"
	"strings"
)

// launcher is a program that becomes, or starts and waits for, the command that
// its last arguments are.
type launcher struct {
	// valued are the options that take the next word, apart from "--name=value".
	valued []string

	// operands counts the words between the options and the command.
	operands int

	// assigns is set for one that takes NAME=VALUE ahead of the command.
	assigns bool

	// opaque are options behind which the command cannot be told.
	opaque []string
}

// launchers are those found in front of programs in image commands, by their base
// names. Sources: their usage texts.
var launchers = map[string]launcher{
	"tini":        {valued: []string{"-p", "-e"}},
	"tini-static": {valued: []string{"-p", "-e"}},
	"docker-init": {valued: []string{"-p", "-e"}},
	"dumb-init":   {valued: []string{"-r", "--rewrite"}},
	"catatonit":   {valued: []string{"-g"}},
	"su-exec":     {operands: 1},
	"gosu":        {operands: 1},
	"setuidgid":   {operands: 1},
	"env":         {valued: []string{"-u", "--unset", "-C", "--chdir"}, assigns: true, opaque: []string{"-S", "--split-string"}},
	"setpriv":     {valued: []string{"--ruid", "--euid", "--rgid", "--egid", "--reuid", "--regid", "--groups", "--inh-caps", "--ambient-caps", "--bounding-set", "--securebits", "--pdeathsig", "--selinux-label", "--apparmor-profile"}},
	"nice":        {valued: []string{"-n", "--adjustment"}},
	"ionice":      {valued: []string{"-c", "-n", "-t"}},
	"nohup":       {},
	"setsid":      {},
	"stdbuf":      {valued: []string{"-i", "-o", "-e"}},
	"prlimit":     {},
	"cgexec":      {valued: []string{"-g"}},
}

// behind splits a command line that begins with a known launcher into the words
// of the launcher and the command that it starts. It is false for any other.
func behind(argv []string) (prefix, command []string, ok bool) {
	l, known := launchers[path.Base(argv[0])]
	if !known {
		return nil, nil, false
	}
	i := 1
	for ; i < len(argv) && strings.HasPrefix(argv[i], "-") && argv[i] != "-"; i++ {
		if argv[i] == "--" {
			i++
			break
		}
		name, _, _ := strings.Cut(argv[i], "=")
		if slices.Contains(l.opaque, name) {
			return nil, nil, false
		}
		if slices.Contains(l.valued, argv[i]) {
			i++
		}
	}
	i += l.operands
	for l.assigns && i < len(argv) && strings.Contains(argv[i], "=") {
		i++
	}
	if i >= len(argv) {
		return nil, nil, false
	}
	return argv[:i], argv[i:], true
}

// splitLaunchers splits a command into the known launchers ahead of it and what they start.
func splitLaunchers(command []string) (prefix, rest []string) {
	for rest = command; len(rest) > 0; {
		launcher, started, ok := behind(rest)
		if !ok {
			break
		}
		prefix, rest = append(slices.Clone(prefix), launcher...), started
	}
	return prefix, rest
}

// unlaunched is a command without the known launchers that it begins with.
func unlaunched(command []string) []string {
	_, rest := splitLaunchers(command)
	return rest
}
