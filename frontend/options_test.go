package frontend

import (
	"maps"
	"strings"
	"testing"
)

func TestOptionsFromEverySpelling(t *testing.T) {
	want := Options{Variant: "remote-src", Start: "continue", Listen: ":4000", NoGoCache: true}
	for name, attrs := range map[string]map[string]string{
		"syntax line": {"cmdline": "dlvgen/dlvgen:1 --variant=remote-src --start continue --listen=:4000 --no-go-cache"},
		"build args": {"build-arg:DLVGEN_VARIANT": "remote-src", "build-arg:DLVGEN_START": "continue",
			"build-arg:DLVGEN_LISTEN": ":4000", "build-arg:DLVGEN_NO_GO_CACHE": "1"},
		"build arg beats syntax line": {"cmdline": "dlvgen/dlvgen:1 --variant=remote --start=continue --listen=:4000 --no-go-cache",
			"build-arg:DLVGEN_VARIANT": "remote-src"},
		"encoded": want.Attrs(),
	} {
		got, err := ParseOptions(attrs)
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, want)
		}
	}
}

func TestWithoutOptionsProductionIsBuilt(t *testing.T) {
	got, err := ParseOptions(map[string]string{"cmdline": "dlvgen/dlvgen:1", "build-arg:VERSION": "1", "source": "dlvgen/dlvgen:1"})
	if err != nil || got != DefaultOptions() || got.Variant != "" {
		t.Errorf("got %+v, %v", got, err)
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
	} {
		if _, err := ParseOptions(tc.attrs); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: the error is %v, want one with %q", tc.attrs, err, tc.want)
		}
	}
}

func TestOursAreHiddenFromTheDockerfileFrontend(t *testing.T) {
	got := without(map[string]string{"build-arg:DLVGEN_VARIANT": "remote", "build-arg:VERSION": "1", "target": "x"})
	if !maps.Equal(got, map[string]string{"build-arg:VERSION": "1", "target": "x"}) {
		t.Errorf("got %v", got)
	}
}

func FuzzParseOptions(f *testing.F) {
	f.Add("x --variant=remote --listen=:1", "remote")
	f.Fuzz(func(t *testing.T, cmdline, variant string) {
		o, err := ParseOptions(map[string]string{"cmdline": cmdline, "build-arg:DLVGEN_VARIANT": variant})
		if err != nil {
			return
		}
		if again, err := ParseOptions(o.Attrs()); err != nil || again != o {
			t.Errorf("%+v became %+v, %v", o, again, err)
		}
	})
}
