package gocall

import (
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/shim/shimtest"
)

// readCompiler reads a value of -gcflags as the flag package does, which the compiler
// uses: whether it optimizes and inlines. ok is false where the compiler, or the go
// command before it, refuses the value. It knows a few of the flags only.
func readCompiler(value string) (noOptimize, noInline, ok bool) {
	set := shimtest.ToolFlags("v m e B S live", "c d o p D")
	set.BoolVar(&noOptimize, "N", false, "")
	set.BoolVar(&noInline, "l", false, "")
	_, ok = shimtest.ParseToolFlags(set, value)
	return noOptimize, noInline, ok
}

func FuzzGcflagsEndWithDebugFlags(f *testing.F) {
	for _, seed := range []string{"-m", "all=-N -l", "-l=4 -e", "-c 4 -N=false", "p=-l", "", "all=", "-m 'x y'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		edited, err := editGcflags([]string{value})
		if _, _, ok := readCompiler(value); !ok {
			return // the compiler refuses it, whatever we do
		}
		if err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		for _, arg := range edited {
			noOptimize, noInline, ok := readCompiler(strings.TrimPrefix(arg, "-gcflags="))
			if !ok || !noOptimize || !noInline {
				t.Fatalf("%q: %q doesn't disable optimization and inlining", value, edited)
			}
		}
	})
}

func FuzzCallsNeverPanic(f *testing.F) {
	f.Add("build|-o|x|-ldflags|-s|.", "-trimpath", 26)
	f.Add("test|-c|./x|-args|y", "'-ldflags=-s -w'", 19)
	f.Add("-C|x|install|a@v1", "", 16)
	f.Fuzz(func(t *testing.T, args, goflags string, minor int) {
		c, ok := parseCall(strings.Split(args, "|"))
		if !ok {
			return
		}
		r, ok := c.Rewrite(Debug, "/go", goflags, minor)
		if !ok {
			return
		}
		// What was edited must be read as a call again.
		if again, ok := parseCall(r.Args); !ok || !slices.Equal(again.Packages, c.Packages) {
			t.Fatalf("%q became %q", args, r.Args)
		}
	})
}
