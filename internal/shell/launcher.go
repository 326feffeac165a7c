package shell

import (
	"path"
	"slices"
	"strings"
)

// launcher is a program, or a word of the shell, that becomes, or starts and waits for,
// the command that its last words are.
type launcher struct {
	// valued are the options that take the next word, apart from "--name=value".
	valued []string

	// operands counts the words between the options and the command.
	operands int

	// assigns is set for one that takes NAME=VALUE ahead of the command.
	assigns bool

	// opaque are options behind which the command cannot be told.
	opaque []string

	// inScripts is set for one that is looked through in build steps and scripts alone. At
	// the head of an image's command it would stay, ahead of the debugger: these are words
	// of the shell, or keep the environment or signals from what they start.
	inScripts bool
}

// launchers are those found in front of programs, by their base names. Sources: their
// usage texts.
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

	"command": {inScripts: true},
	"exec":    {inScripts: true, valued: []string{"-a"}},
	"sudo":    {inScripts: true, valued: []string{"-u", "--user", "-g", "--group", "-h", "--host", "-p", "--prompt", "-C", "-D", "-R", "-T"}, assigns: true},
	"time":    {inScripts: true, valued: []string{"-f", "--format", "-o", "--output"}},
}

// launching counts the words of the known launcher that a command line begins with: 0
// where it begins with none, or with one behind which the command cannot be told.
func launching(argv []string) int {
	l, known := launchers[path.Base(argv[0])]
	if !known {
		return 0
	}
	i := 1
	for ; i < len(argv) && strings.HasPrefix(argv[i], "-"); i++ {
		if argv[i] == "--" {
			i++
			break
		}
		name, _, _ := strings.Cut(argv[i], "=")
		if slices.Contains(l.opaque, name) {
			return 0
		}
		if slices.Contains(l.valued, argv[i]) {
			i++
		}
	}
	i += l.operands
	for l.assigns && i < len(argv) && strings.Contains(argv[i], "=") {
		i++
	}
	return min(i, len(argv))
}

// IsLauncher tells whether a word names a launcher that may head an image's command.
func IsLauncher(word string) bool {
	l, known := launchers[path.Base(word)]
	return known && !l.inScripts
}

// IsOtherTool tells whether a word names a shell, a launcher or an interpreter: a program
// that no Go compiler made, unless a step says so.
func IsOtherTool(word string) bool {
	name := path.Base(word)
	_, launches := launchers[name]
	return launches || slices.Contains(shells, name) || slices.Contains(interpreters, name)
}

// Launched splits an image's command that begins with a known launcher into the words of
// the launcher and the command that it starts. It is false for any other.
func Launched(argv []string) (prefix, command []string, ok bool) {
	n := launching(argv)
	if n == 0 || n == len(argv) || !IsLauncher(argv[0]) {
		return nil, nil, false
	}
	return argv[:n], argv[n:], true
}

// SplitLaunchers splits an image's command into the known launchers ahead of it and what
// they start.
func SplitLaunchers(argv []string) (prefix, command []string) {
	n := 0
	for n < len(argv) {
		launcher, _, ok := Launched(argv[n:])
		if !ok {
			break
		}
		n += len(launcher)
	}
	return argv[:n:n], argv[n:]
}
