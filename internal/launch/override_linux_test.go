package launch

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCommandMeansWhatItMeantInProduction(t *testing.T) {
	delve, target, stripped := programs.delve, programs.target, programs.stripped
	dir := filepath.Dir(target)
	t.Setenv("PATH", dir+":/bin")
	t.Chdir(dir)
	command := []string{delve, "--headless", "exec", "--continue", "/server", "--", "-x"}
	under := func(words ...string) []string { return slices.Concat(command[:4], words) }

	for name, test := range map[string]struct {
		production Production
		args       []string
		want       []string
		path       string
		note       string
	}{
		"the image's own": {args: command, want: command, path: delve},
		"nothing":         {want: command, path: delve},
		"arguments of the entrypoint": {
			production: Production{Entrypoint: []string{target, "-a"}, Cmd: []string{"-x"}},
			args:       []string{"-y", "z"}, want: under(target, "--", "-a", "-y", "z"), path: delve},
		"a whole command, no entrypoint": {
			production: Production{Cmd: []string{"/server"}},
			args:       []string{target, "-y"}, want: under(target, "--", "-y"), path: delve},
		"a name on PATH": {
			args: []string{"target"}, want: under(target, "--"), path: delve},
		"a relative path": {
			args: []string{"./target"}, want: under("./target", "--"), path: delve},
		"not a Go program": {
			args: []string{"sh", "-c", "true"}, want: []string{"sh", "-c", "true"}, path: "/bin/sh",
			note: "/bin/sh is not a Go program; starting it without the debugger"},
		"no debug information": {
			args: []string{stripped, "-y"}, want: []string{stripped, "-y"}, path: stripped,
			note: stripped + " has no debug information; starting it without the debugger"},
		"another command of Delve's": {args: []string{delve, "version"}, want: []string{delve, "version"}, path: delve},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := resolve(test.args, delve, writePlan(t, test.production, command))
			if err != nil {
				t.Fatal(err)
			}
			if got.path != test.path || !slices.Equal(got.argv, test.want) || got.note != test.note {
				t.Errorf("got  %s %q, note %q\nwant %s %q, note %q", got.path, got.argv, got.note, test.path, test.want, test.note)
			}
			if supervised := slices.Contains(test.want, "exec"); got.delve.supervised() != supervised {
				t.Errorf("supervised: %v, want %v", !supervised, supervised)
			}
		})
	}
}

func TestCommandIsStartedAsItIsWithoutAPlan(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "plan.json")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, plan := range []string{broken, broken + ".missing"} {
		got, err := resolve([]string{"/bin/sh", "x"}, programs.delve, plan)
		if err != nil {
			t.Fatal(err)
		}
		if got.path != "/bin/sh" || got.delve.supervised() || !strings.Contains(got.note, "without the debugger") {
			t.Errorf("%s: got %+v", plan, got)
		}
		if _, err := resolve(nil, programs.delve, plan); err == nil {
			t.Errorf("%s: no error for no command", plan)
		}
	}
}

func TestCommandThatCannotBeStartedHasTheRuntimesExitCode(t *testing.T) {
	plan := writePlan(t, Production{}, []string{programs.delve, "--headless", "exec", "/server"})
	for name, want := range map[string]int{"no-such-program": 127, "/no/such": 127, plan: 126} {
		_, err := resolve([]string{name}, programs.delve, plan)
		var command *commandError
		if !errors.As(err, &command) || command.code != want {
			t.Errorf("%s: %v, want exit code %d", name, err, want)
		}
	}
}
