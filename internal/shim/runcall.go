package shim

import "strings"

// RunCall is a command line of `go run`.
type RunCall struct {
	// Flags are the build flags with their values, as they stand.
	Flags []string

	// Packages is the package, or the Go files, that the program is compiled from.
	Packages []string

	// Args are the program's.
	Args []string

	// Elsewhere is set where -C runs it in another folder, Exec where -exec starts
	// another program.
	Elsewhere, Exec bool
}

// ParseRun reads the words that follow `go`. It is false for another subcommand, and for
// what the real go answers with an error.
func ParseRun(words []string) (RunCall, bool) {
	chdir, rest, ok := cutChdir(words)
	if !ok || len(rest) == 0 || rest[0] != "run" {
		return RunCall{}, false
	}
	rest = rest[1:]
	if chdir == "" {
		if chdir, rest, ok = cutChdir(rest); !ok {
			return RunCall{}, false
		}
	}
	c := call{subcommand: "run"}
	if !c.parseBuild(rest) || len(c.packages) == 0 {
		return RunCall{}, false
	}
	r := RunCall{Elsewhere: chdir != ""}
	for _, a := range c.args {
		if a.flag != nil {
			r.Flags = append(r.Flags, a.words...)
			r.Exec = r.Exec || a.flag.name == "exec"
		}
	}
	// Files as far as there are any, else one package (runRun in cmd/go/internal/run).
	n := 0
	for n < len(c.packages) && strings.HasSuffix(c.packages[n], ".go") {
		n++
	}
	n = max(n, 1)
	r.Packages, r.Args = c.packages[:n], c.packages[n:]
	return r, true
}
