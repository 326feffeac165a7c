package shim

import (
	stdflag "flag"
	"io"
	"slices"
	"strings"
	"testing"
)

// tool is a tool's command line as the flag package reads it, which the tools
// use. It knows a few of the flags only.
type tool struct {
	strip, noDWARF       bool
	noOptimize, noInline bool
	definitions, args    []string
}

// readLinker reads a value of -ldflags. ok is false where the linker, or the go
// command before it, refuses the value.
func readLinker(value string) (linker tool, ok bool) {
	set := newFlagSet("v a c d f", "buildid r linkmode o B I extldflags")
	set.BoolVar(&linker.strip, "s", false, "")
	set.BoolVar(&linker.noDWARF, "w", false, "")
	set.Func("X", "", func(s string) error {
		linker.definitions = append(linker.definitions, s)
		return nil
	})
	linker.args, ok = parseWith(set, value)
	return linker, ok
}

// readCompiler is readLinker for -gcflags.
func readCompiler(value string) (compiler tool, ok bool) {
	set := newFlagSet("v m e B S live", "c d o p D")
	set.BoolVar(&compiler.noOptimize, "N", false, "")
	set.BoolVar(&compiler.noInline, "l", false, "")
	compiler.args, ok = parseWith(set, value)
	return compiler, ok
}

func newFlagSet(bools, valued string) *stdflag.FlagSet {
	set := stdflag.NewFlagSet("tool", stdflag.ContinueOnError)
	set.SetOutput(io.Discard)
	for name := range names(bools) {
		set.Bool(name, false, "")
	}
	for name := range names(valued) {
		set.String(name, "", "")
	}
	return set
}

func parseWith(set *stdflag.FlagSet, value string) (args []string, ok bool) {
	p, err := parsePerPackage(value)
	if err != nil {
		return nil, false
	}
	words, err := splitWords(p.flags)
	if err != nil || set.Parse(texts(words)) != nil {
		return nil, false
	}
	return set.Args(), true
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
		edited, err := editLdflags([]string{value})
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

func FuzzGcflagsEndWithDebugFlags(f *testing.F) {
	for _, seed := range []string{"-m", "all=-N -l", "-l=4 -e", "-c 4 -N=false", "p=-l", "", "all=", "-m 'x y'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		edited, err := editGcflags([]string{value})
		if _, ok := readCompiler(value); !ok {
			return // the compiler refuses it, whatever we do
		}
		if err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		for _, arg := range edited {
			after, ok := readCompiler(strings.TrimPrefix(arg, "-gcflags="))
			if !ok || !after.noOptimize || !after.noInline {
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
		r, err := rewriteCall(modeDebug.edits("/go"), c, goflags, minor)
		if err != nil {
			return
		}
		// What was edited must be read as a call again.
		if again, ok := parseCall(r.args); !ok || !slices.Equal(again.packages, c.packages) {
			t.Fatalf("%q became %q", args, r.args)
		}
	})
}
