package delve

import "net"

// Launch is how a debug image starts its program under Delve. Every flag in it is
// known to every shipped version: each was asked for its help.
type Launch struct {
	// Delve is the version, one of Versions.
	Delve string

	// Listen is the debugger's address, "host:port" with an optional host.
	Listen string

	// Continue lets the program run at once instead of holding it.
	Continue bool

	// Extra are flags of the user's own, which CheckArgs takes.
	Extra []string

	// GoVersion is the program's Go, "go1.24.5". A Delve that does not announce it
	// is told not to check.
	GoVersion string

	// Program is the absolute path of the program, Args what follows it.
	Program string
	Args    []string
}

// Debugger is the command line up to Delve's own command, such as exec or attach,
// the path of Delve first.
func (l Launch) Debugger(dlv string) []string {
	argv := []string{dlv, "--listen=" + l.Listen, "--headless=true", "--api-version=2", "--accept-multiclient"}
	if listensOnLoopback(l.Listen) {
		// On loopback Delve refuses other users, and with them every port-forward
		// (service/internal/sameuser).
		argv = append(argv, "--only-same-user=false")
	}
	if r, ok := find(l.Delve); !ok || !r.announces(langOf(l.GoVersion)) {
		argv = append(argv, "--check-go-version=false")
	}
	return append(argv, l.Extra...)
}

// Argv is the whole command line that starts the program.
func (l Launch) Argv(dlv string) []string {
	argv := append(l.Debugger(dlv), "exec")
	if l.Continue {
		// Only exec knows the flag: ahead of it, cobra takes "exec" for its value.
		argv = append(argv, "--continue")
	}
	argv = append(argv, l.Program)
	if len(l.Args) > 0 {
		argv = append(append(argv, "--"), l.Args...)
	}
	return argv
}

func listensOnLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	return err == nil && IsLoopback(host)
}

// IsLoopback says that a listener's host is reached from its own network namespace alone.
func IsLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
