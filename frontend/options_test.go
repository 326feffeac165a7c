package frontend

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestOptionsFromEverySpelling(t *testing.T) {
	want := variants.NewRequest(variants.Variant{Name: "remote-src", Suffix: "-debug-src", Kind: variants.KindRemote, Sources: variants.SourcesBaked})
	want.Start, want.Listen, want.NoGoCache = variants.StartContinue, ":4000", true
	want.DelveArgs = []string{"--log", "--log-output=rpc,dap"}
	for name, attrs := range map[string]map[string]string{
		"syntax line": {"cmdline": "dlvgen/dlvgen:1 --variant=remote-src --start continue --listen=:4000 --no-go-cache --delve-arg=--log --delve-arg --log-output=rpc,dap"},
		"build args": {"build-arg:DLVGEN_VARIANT": "remote-src", "build-arg:DLVGEN_START": "continue",
			"build-arg:DLVGEN_LISTEN": ":4000", "build-arg:DLVGEN_NO_GO_CACHE": "1", "build-arg:DLVGEN_DELVE_ARG": "--log --log-output=rpc,dap"},
		"build arg beats syntax line": {"cmdline": "dlvgen/dlvgen:1 --variant=remote --start=continue --listen=:4000 --no-go-cache --delve-arg=--log-dest=/x",
			"build-arg:DLVGEN_VARIANT": "remote-src", "build-arg:DLVGEN_DELVE_ARG": " --log  --log-output=rpc,dap "},
		"encoded": Attrs(want),
	} {
		got, err := ParseRequest(attrs)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// Flags of tests have spaces, quotes and whatever else.
func TestFlagsOfTestsArriveAsTheyAre(t *testing.T) {
	for _, args := range [][]string{{"-test.run=^Test(A|B)$", "-test.v"}, {"-test.run", "A B/c 'd\" é"}, {"[x"}, {""}, {"-a=\n"}} {
		want := variants.NewRequest(variants.Tests())
		want.Test, want.TestArgs = "example.com/hello/store", args
		if got, err := ParseRequest(Attrs(want)); err != nil || !slices.Equal(got.TestArgs, args) || got.Test != want.Test || got.Variant.Kind != variants.KindTest {
			t.Errorf("%q: got %+v, %v", args, got, err)
		}
	}
}

func TestWithoutOptionsProductionIsBuilt(t *testing.T) {
	got, err := ParseRequest(map[string]string{"cmdline": "dlvgen/dlvgen:1", "build-arg:VERSION": "1", "source": "dlvgen/dlvgen:1"})
	if diff := cmp.Diff(variants.Request{}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestBadOptionsAreErrors(t *testing.T) {
	for _, tc := range []struct {
		attrs map[string]string
		want  string
	}{
		{map[string]string{"cmdline": "x --varant=remote"}, "did you mean --variant?"},
		{map[string]string{"cmdline": "x remote"}, `"remote" is no option`},
		{map[string]string{"cmdline": "x --variant=remot"}, `did you mean "remote"?`},
		{map[string]string{"cmdline": "x --variant=remote,remote-src"}, "one build makes one image"},
		{map[string]string{"cmdline": "x --variant"}, "needs an argument"},
		{map[string]string{"build-arg:DLVGEN_VARAINT": "remote"}, "did you mean DLVGEN_VARIANT?"},
		{map[string]string{"build-arg:DLVGEN_NO_GO_CACHE": "maybe"}, "DLVGEN_NO_GO_CACHE=maybe"},
		{map[string]string{"build-arg:DLVGEN_VARIANT": "remote", "build-arg:DLVGEN_LISTEN": "eight"}, "host:port"},
		{map[string]string{"cmdline": "x --variant=remote --listen=:99999"}, "1 to 65535"},
		{map[string]string{"cmdline": "x --variant=remote --entry=front"}, `"cmd" or "inplace"`},
		{map[string]string{"cmdline": "x --variant=remote --sources=some"}, `"baked" or "excluded"`},
		{map[string]string{"cmdline": "x --variant=remote --program=server"}, "absolute path"},
		{map[string]string{"cmdline": "x --variant=remote --start=later"}, `"hold" or "continue"`},
		{map[string]string{"cmdline": "x --variant=remote --rebuild=yes"}, "one of off, auto, context, module"},
		{map[string]string{"cmdline": "x --variant=remote --delve-arg=--listen=:1"}, "use --listen"},
		{map[string]string{"build-arg:DLVGEN_VARIANT": "remote", "build-arg:DLVGEN_TAG_SUFFIX": "/x"}, "letters, digits"},
		{map[string]string{"build-arg:DLVGEN_VARIANT": "remote", "build-arg:DLVGEN_PRESET": "all"}, "letters, digits"},
		{map[string]string{"build-arg:DLVGEN_VARIANT": "test"}, "none is named"},
		{map[string]string{"build-arg:DLVGEN_VARIANT": "test", "build-arg:DLVGEN_TEST": "./store"}, "import path of one package"},
		{map[string]string{"build-arg:DLVGEN_VARIANT": "test", "build-arg:DLVGEN_TEST": "example.com/a/..."}, "import path of one package"},
		{map[string]string{"build-arg:DLVGEN_VARIANT": "test", "build-arg:DLVGEN_TEST": "example.com/a", "build-arg:DLVGEN_TEST_ARGS": "[-test.v]"}, "JSON array"},
	} {
		if _, err := ParseRequest(tc.attrs); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: the error is %v, want one with %q", tc.attrs, err, tc.want)
		}
	}
}

// A user who corrects the first mistake must not be told of another one in its place and
// of the same one again.
func TestTheFirstBadBuildArgIsTold(t *testing.T) {
	attrs := map[string]string{"build-arg:DLVGEN_VARIANT": "remote", "build-arg:DLVGEN_ENTRY": "front", "build-arg:DLVGEN_NONE": "x", "build-arg:DLVGEN_START": "soon"}
	for range 100 {
		if _, err := ParseRequest(attrs); err == nil || !strings.Contains(err.Error(), "DLVGEN_ENTRY=front") {
			t.Fatalf("%v", err)
		}
	}
}

func TestOursAreHiddenFromTheDockerfileFrontend(t *testing.T) {
	got := without(map[string]string{"build-arg:DLVGEN_VARIANT": "remote", "build-arg:VERSION": "1", "target": "x"})
	if !maps.Equal(got, map[string]string{"build-arg:VERSION": "1", "target": "x"}) {
		t.Errorf("got %v", got)
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add("x --variant=remote --listen=:1", "remote")
	f.Fuzz(func(t *testing.T, cmdline, variant string) {
		r, err := ParseRequest(map[string]string{"cmdline": cmdline, "build-arg:DLVGEN_VARIANT": variant})
		if err != nil {
			return
		}
		again, err := ParseRequest(Attrs(r))
		if diff := cmp.Diff(r, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%v: it changed (-before +after):\n%s", err, diff)
		}
	})
}
