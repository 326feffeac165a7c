package shell

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"mvdan.cc/sh/v3/syntax"
)

// FuzzRead has real shells read what is taken for one command alone: printf prints the
// words that they make of it. Of any other script it checks that all calls run
// something, and that splitting a call off its launchers loses no word.
func FuzzRead(f *testing.F) {
	for _, script := range []string{
		"exec /server -v", `go run './cmd/a b' "c d"e`, "/server $ARGS", "a 'b'\"c\"", "a # b", "a 'b\nc'", "a; b", "exec a b", "a !b %c @d ^e",
		"sudo -u app A=b make >log", "env -S 'go build' &", "f() { go build; }; f", "nice -n", "set -- gosu app \"$@\"", "if then (((", "a $'b' $\"c\"", "a {b,c} ~ *", "() a",
	} {
		f.Add(script)
	}
	var shells []string
	for _, name := range []string{"sh", "bash"} {
		if p, err := exec.LookPath(name); err == nil {
			shells = append(shells, p)
		}
	}
	f.Fuzz(func(t *testing.T, script string) {
		s := ReadText(script)
		for _, c := range s.Calls {
			words := slices.Concat(c.Launchers, []string{c.Program}, c.Args)
			if again := CallOf(words); !slices.Equal(again.Words(), words) || again.Program != c.Program {
				t.Errorf("%q: %q is a call of %q, and of %q", script, words, c.Program, again.Program)
			}
		}
		if s.Alone == nil || strings.ContainsAny(script, "\x00\r") {
			return // the parser takes \r for a part of the line's end
		}
		file, err := syntax.NewParser().Parse(strings.NewReader(script), "")
		if err != nil {
			t.Fatal(err)
		}
		at := file.Stmts[0].Pos().Offset()
		for _, sh := range shells {
			cmd := exec.CommandContext(proctest.Context(t), sh, "-c", script[:at]+`printf '%s\0' `+script[at:])
			cmd.Dir, cmd.Env = t.TempDir(), []string{"PATH="}
			out, err := cmd.Output()
			words := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
			if len(words) > 1 && words[0] == "exec" {
				words = words[1:]
			}
			if err != nil || !slices.Equal(words, s.Alone) {
				t.Errorf("%s reads %q as %q (%v), want %q", sh, script, words, err, s.Alone)
			}
		}
	})
}
