package shell

import (
	"strings"
	"testing"
)

func TestKnownLaunchersLeadToTheCommandBehindThem(t *testing.T) {
	for _, c := range []struct{ argv, prefix, command string }{
		{"/sbin/tini -- /server -v", "/sbin/tini --", "/server -v"},
		{"tini /server", "tini", "/server"},
		{"tini -g -p SIGTERM -e 143 -- /server", "tini -g -p SIGTERM -e 143 --", "/server"},
		{"/usr/bin/dumb-init --rewrite 15:3 /server", "/usr/bin/dumb-init --rewrite 15:3", "/server"},
		{"dumb-init --rewrite=15:3 -- /server", "dumb-init --rewrite=15:3 --", "/server"},
		{"su-exec app:app /server", "su-exec app:app", "/server"},
		{"gosu 1000 /server --verbose", "gosu 1000", "/server --verbose"},
		{"env /server", "env", "/server"},
		{"/usr/bin/env -i A=1 B=2 server C=3", "/usr/bin/env -i A=1 B=2", "server C=3"},
		{"env -u HOME --chdir=/data server", "env -u HOME --chdir=/data", "server"},
		{"setpriv --reuid 1000 --no-new-privs /server", "setpriv --reuid 1000 --no-new-privs", "/server"},
		{"nice -n 5 /server", "nice -n 5", "/server"},
		{"nohup /server", "nohup", "/server"},
		{"env - A=1 /server", "env - A=1", "/server"},
	} {
		prefix, command, ok := Launched(strings.Fields(c.argv))
		if !ok || strings.Join(prefix, " ") != c.prefix || strings.Join(command, " ") != c.command {
			t.Errorf("%s: %q, %q, %t, want %q and %q", c.argv, prefix, command, ok, c.prefix, c.command)
		}
	}
}

func TestOtherCommandsAreNoLaunchers(t *testing.T) {
	for _, argv := range []string{
		"/server -v",
		"/bin/sh -c /server",
		"tini",                     // starts nothing
		"tini --",                  // neither
		"su-exec app",              // an operand alone
		"env A=1",                  // prints the environment
		"env -S /server -v",        // splits a string of its own
		"env --split-string=/a b",  // the same
		"/usr/local/bin/tini-like", // another name
		"sudo -E /server",          // would keep the environment from the debugger
	} {
		if prefix, command, ok := Launched(strings.Fields(argv)); ok {
			t.Errorf("%s: %q and %q", argv, prefix, command)
		}
	}
}

func TestACallIsWhatItsLaunchersStart(t *testing.T) {
	for _, c := range []struct{ words, program string }{
		{"exec su-exec app:app /server -v", "/server"},
		{"sudo -u app -E A=1 make", "make"},
		{"nice -n 5 go build", "go"},
		{"time -f %e env -u HOME go build", "go"},
		{"gosu --version", ""},
		{"env", ""},
		{"exec", ""},
		{"env -S make", "env"},
	} {
		words := strings.Fields(c.words)
		if got := CallOf(words); got.Program != c.program || !strings.HasPrefix(strings.Join(got.Words(), " "), c.words) {
			t.Errorf("%s: %q of %q, want %q", c.words, got.Program, got.Words(), c.program)
		}
	}
}
