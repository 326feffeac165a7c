package variants_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/variants"
)

func table(t *testing.T, own ...variants.Preset) []variants.Preset {
	t.Helper()
	list, err := variants.Table(own...)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func namesOf(list []variants.Preset) []string {
	var names []string
	for _, p := range list {
		names = append(names, p.Name)
	}
	return names
}

var fast = variants.Preset{Name: "fast", Base: "remote", Suffix: "-dbg", Axes: variants.Axes{Start: variants.StartContinue, Listen: ":4000"}}

func TestPresetsOfTheUsersOwn(t *testing.T) {
	list := table(t, fast, variants.Preset{Name: "attach", Axes: variants.Axes{Sources: variants.SourcesExcluded}})
	if got := namesOf(list); !slices.Equal(got, append(variants.Names(), "fast")) {
		t.Fatalf("the table is %v", got)
	}
	r, err := list[4].Request()
	if err != nil {
		t.Fatal(err)
	}
	if r.Variant.Kind != variants.KindRemote || r.Variant.Suffix != "-dbg" || r.Start != variants.StartContinue || r.Listen != ":4000" {
		t.Errorf("fast asks for %+v", r)
	}
	if a := list[2]; a.Base != "attach" || a.Suffix != "-debug-attach" {
		t.Errorf("the changed row is %+v", a)
	}
}

func TestPresetsThatCannotBe(t *testing.T) {
	for name, own := range map[string][]variants.Preset{
		"no base":          {{Name: "x", Suffix: "-x"}},
		"unknown base":     {{Name: "x", Base: "remot", Suffix: "-x"}},
		"no suffix":        {{Name: "x", Base: "remote"}},
		"no tag":           {{Name: "x", Base: "remote", Suffix: "/x"}},
		"another's suffix": {{Name: "x", Base: "remote", Suffix: "-debug"}},
		"the word all":     {{Name: "all", Base: "remote", Suffix: "-x"}},
		"a list":           {{Name: "x,y", Base: "remote", Suffix: "-x"}},
		"unknown start":    {{Name: "x", Base: "remote", Suffix: "-x", Axes: variants.Axes{Start: "later"}}},
	} {
		if _, err := variants.Table(own...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestParse(t *testing.T) {
	for list, want := range map[string][]string{
		"remote-src, remote,remote": {"remote", "remote-src"},
		"fast,sidecar":              {"sidecar", "fast"},
		"all":                       append(variants.Names(), "fast"),
	} {
		got, err := variants.Parse(list, table(t, fast))
		if err != nil || !slices.Equal(namesOf(got), want) {
			t.Errorf("Parse(%q) = %v, %v, want %v", list, namesOf(got), err, want)
		}
	}
	if _, err := variants.Parse("remot", table(t)); err == nil || !strings.Contains(err.Error(), `did you mean "remote"?`) {
		t.Errorf("the error is %v", err)
	}
}

func TestTags(t *testing.T) {
	src := table(t)[1]
	for production, want := range map[string]string{"v1": "v1-debug-src", "": "latest-debug-src"} {
		if got, err := src.Tag(production); err != nil || got != want {
			t.Errorf("Tag(%q) = %q, %v, want %q", production, got, err, want)
		}
	}
	if _, err := src.Tag(strings.Repeat("x", 125)); err == nil {
		t.Error("a tag of more than 128 characters is accepted")
	}
}

func TestSuffixesOfTheUsersOwn(t *testing.T) {
	got, err := variants.WithSuffixes(table(t), map[string]string{"remote": "-dbg"})
	if err != nil || got[0].Suffix != "-dbg" || got[1].Suffix != "-debug-src" {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, suffixes := range map[string]map[string]string{
		"unknown variant":      {"remot": "-dbg"},
		"none at all":          {"remote": ""},
		"no tag":               {"remote": "/dbg"},
		"another variant's":    {"remote": "-debug-src"},
		"the same for the two": {"remote": "-x", "remote-src": "-x"},
	} {
		if _, err := variants.WithSuffixes(table(t), suffixes); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
