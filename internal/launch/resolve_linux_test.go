package launch

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dlvgen/dlvgen/internal/planfile"
)

func TestCommandMeansWhatItMeantInProduction(t *testing.T) {
	delve, target, stripped := programs.delve, programs.target, programs.stripped
	dir := filepath.Dir(target)
	t.Setenv("PATH", dir+":/bin")
	t.Chdir(dir)
	command := []string{delve, "--headless", "--accept-multiclient", "exec", "--continue", target, "--", "-x"}
	tini := []string{"/sbin/tini", "--"}

	for name, test := range map[string]struct {
		entrypoint, cmd, prefix []string
		words                   []string
		asked                   mode
		want                    []string
		path                    string // default: target
		mode                    mode   // default: none, it runs alone
		note                    string
	}{
		"the image's own": {
			entrypoint: []string{target}, words: command, want: []string{target, "-x"}, mode: modeContinue},
		"nothing":               {words: nil, want: []string{target, "-x"}, mode: modeContinue},
		"edited: held":          {words: slices.Concat(command[:4], command[5:]), want: []string{target, "-x"}, mode: modeHold},
		"held by the variable":  {words: command, asked: modeHold, want: []string{target, "-x"}, mode: modeHold},
		"off":                   {words: command, asked: modeOff, entrypoint: []string{"target", "-x"}, want: []string{"target", "-x"}},
		"production's own name": {words: command, entrypoint: []string{"target", "-x"}, want: []string{"target", "-x"}, mode: modeContinue},
		"behind a launcher of others": {
			words: command, prefix: tini, entrypoint: tini, cmd: []string{"./target", "-x"}, want: []string{"./target", "-x"}, mode: modeContinue},
		"of another program's name": {
			words: command, entrypoint: []string{"sh", "-x"}, want: []string{target, "-x"}, mode: modeContinue},
		"edited arguments": {
			words: append(slices.Clone(command), "-y"), entrypoint: []string{"target", "-x"}, want: []string{target, "-x", "-y"}, mode: modeContinue},
		"arguments of the entrypoint": {
			entrypoint: []string{target, "-a"}, cmd: []string{"-x"},
			words: []string{"-y", "z"}, want: []string{target, "-a", "-y", "z"}, mode: modeHold},
		"arguments behind a launcher of others": {
			entrypoint: append(slices.Clone(tini), "target"), prefix: tini, words: []string{"-y"}, want: []string{"target", "-y"}, mode: modeHold},
		"a whole command behind a launcher of others": {
			entrypoint: tini, prefix: tini, cmd: []string{"target"}, words: []string{"target", "-y"}, want: []string{"target", "-y"}, mode: modeHold},
		"a whole command, no entrypoint": {
			cmd: []string{"/server"}, words: []string{target, "-y"}, want: []string{target, "-y"}, mode: modeHold},
		"a relative path": {words: []string{"./target"}, want: []string{"./target"}, path: "./target", mode: modeHold},
		"not a Go program": {
			words: []string{"sh", "-c", "true"}, want: []string{"sh", "-c", "true"}, path: "/bin/sh",
			note: "/bin/sh is not a Go program; starting it without the debugger"},
		"no debug information": {
			words: []string{stripped, "-y"}, want: []string{stripped, "-y"}, path: stripped,
			note: stripped + " has no debug information; starting it without the debugger"},
		"another command of Delve's": {words: []string{delve, "version"}, want: []string{delve, "version"}, path: delve},
	} {
		t.Run(name, func(t *testing.T) {
			r := resolver{delve: delve, asked: test.asked}
			r.plan.Request.Start = "hold"
			r.plan.Production.Entrypoint, r.plan.Production.Cmd = test.entrypoint, test.cmd
			r.plan.Prefix, r.plan.Command = test.prefix, command
			r.plan.Program.Path, r.plan.Program.Args = target, []string{"-x"}
			got, err := r.init(test.words)
			if err != nil {
				t.Fatal(err)
			}
			if test.path == "" {
				test.path = target
			}
			if got.path != test.path || !slices.Equal(got.argv, test.want) || got.note != test.note {
				t.Errorf("got  %s %q, note %q\nwant %s %q, note %q", got.path, got.argv, got.note, test.path, test.want, test.note)
			}
			if got.debugged() != (test.mode != "") || got.debugged() && (got.mode != test.mode || got.delve.proceed != (test.mode == modeContinue)) {
				t.Errorf("debugged %v, mode %s, want %q", got.debugged(), got.mode, test.mode)
			}
		})
	}
}

func TestLauncherStartsTheProgramBehindIt(t *testing.T) {
	r := resolver{}
	r.plan.Program.Real = programs.target
	r.plan.Debugger = delveCommand(":8000")
	r.plan.Request.Start = "continue"
	got, err := r.launcher([]string{"nine-names", "-y"})
	if err != nil {
		t.Fatal(err)
	}
	if got.path != programs.target || !slices.Equal(got.argv, []string{"nine-names", "-y"}) || !got.delve.proceed || !got.debugged() {
		t.Errorf("got %+v", got)
	}
	r.asked = modeOff
	if got, err := r.launcher([]string{"x"}); err != nil || got.debugged() {
		t.Errorf("off: %+v, %v", got, err)
	}
}

func TestCommandIsStartedAsItIsWithoutAPlan(t *testing.T) {
	got, err := resolver{}.init([]string{"/bin/sh", "x"})
	if err != nil || got.path != "/bin/sh" || got.debugged() || got.note == "" {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := (resolver{}).init(nil); err == nil {
		t.Error("no error for no command")
	}
}

func TestCommandThatCannotBeStartedHasTheRuntimesExitCode(t *testing.T) {
	file := writePlan(t, planfile.Plan{})
	for name, want := range map[string]int{"no-such-program": 127, "/no/such": 127, file: 126} {
		for _, words := range [][]string{{name}, delveCommand(":8000", "exec", name)} {
			_, err := resolver{delve: programs.delve}.init(words)
			var command *commandError
			if !errors.As(err, &command) || command.code != want {
				t.Errorf("%s: %v, want exit code %d", words, err, want)
			}
		}
	}
}
