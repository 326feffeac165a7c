package link

import (
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/shim/shimtest"
)

// linker is a linker's command line as the flag package reads it, which the linker
// uses. It knows a few of the flags only.
type linker struct {
	strip, noDWARF    bool
	definitions, args []string
}

// readLinker reads a value of -ldflags. ok is false where the linker, or the go
// command before it, refuses the value.
func readLinker(value string) (l linker, ok bool) {
	set := shimtest.ToolFlags("v a c d f", "buildid r linkmode o B I extldflags")
	set.BoolVar(&l.strip, "s", false, "")
	set.BoolVar(&l.noDWARF, "w", false, "")
	set.Func("X", "", func(s string) error {
		l.definitions = append(l.definitions, s)
		return nil
	})
	l.args, ok = shimtest.ParseToolFlags(set, value)
	return l, ok
}

func FuzzLdflagsKeepDefinitionsAndNeverStrip(f *testing.F) {
	for _, seed := range []string{
		"-s -w -X main.v=1", `-X 'main.v=a b' -s=true`, "all=-w -X a=b", `-extldflags "-static -s" -X a=b`,
		"-X -s -s", `"-extldflags=-Wl,-s,-z" -w`, "-s -- -w", "", "-extldflags '", "x=",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.ContainsAny(value, "\x00") {
			t.Skip("no argument holds a NUL")
		}
		edited, err := Edit([]string{value})
		before, ok := readLinker(value)
		if !ok || len(before.args) > 0 {
			return // the linker refuses it, whatever we do
		}
		if err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		after, ok := readLinker(strings.TrimPrefix(edited[0], "-ldflags="))
		switch {
		case !ok:
			t.Fatalf("%q: the linker refuses %q", value, edited)
		case after.strip || after.noDWARF:
			t.Fatalf("%q: still strips: %q", value, edited)
		case !slices.Equal(after.definitions, before.definitions):
			t.Fatalf("%q: definitions %q became %q", value, before.definitions, after.definitions)
		}
	})
}
