package variants_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/variants"
)

func table(t *testing.T, own ...variants.Request) []variants.Request {
	t.Helper()
	list, err := variants.Table(own...)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func namesOf(list []variants.Request) []string {
	var names []string
	for _, p := range list {
		names = append(names, p.Preset)
	}
	return names
}

var fast = own("fast", "remote", "-dbg")

// own is a preset of the user's.
func own(name, base, suffix string) variants.Request {
	return variants.Request{Preset: name, Variant: variants.Variant{Name: base, Suffix: suffix}, Start: variants.StartContinue, Listen: ":4000"}
}

func TestPresetsOfTheUsersOwn(t *testing.T) {
	list := table(t, fast, variants.Request{Preset: "attach", Variant: variants.Variant{Sources: variants.SourcesExcluded}})
	if got := namesOf(list); !slices.Equal(got, append(variants.Names(), "fast")) {
		t.Fatalf("the table is %v", got)
	}
	r := list[4]
	if r.Variant.Kind != variants.KindRemote || r.Variant.Suffix != "-dbg" || r.Start != variants.StartContinue || r.Listen != ":4000" {
		t.Errorf("fast asks for %+v", r)
	}
	if a := list[2].Variant; a.Name != "attach" || a.Suffix != "-debug-attach" || a.Sources != variants.SourcesExcluded {
		t.Errorf("the changed row is %+v", a)
	}
}

func TestPresetsThatCannotBe(t *testing.T) {
	for name, presets := range map[string][]variants.Request{
		"no base":          {own("x", "", "-x")},
		"unknown base":     {own("x", "remot", "-x")},
		"no suffix":        {own("x", "remote", "")},
		"no tag":           {own("x", "remote", "/x")},
		"another's suffix": {own("x", "remote", "-debug")},
		"the word all":     {own("all", "remote", "-x")},
		"a list":           {own("x,y", "remote", "-x")},
	} {
		if _, err := variants.Table(presets...); err == nil {
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
	if err != nil || got[0].Variant.Suffix != "-dbg" || got[1].Variant.Suffix != "-debug-src" {
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

func TestTestsNeedAPackageAndNothingElseDoes(t *testing.T) {
	tests := variants.NewRequest(variants.Tests())
	tests.Test, tests.TestArgs = "example.com/hello/store", []string{"-test.v"}
	if got, err := tests.Complete(); err != nil || got.Variant != variants.Tests() || got.Preset != "test" {
		t.Errorf("%+v, %v", got, err)
	}
	remote := variants.NewRequest(variants.Known()[0])
	for want, edit := range map[string]func() variants.Request{
		"none is named":          func() variants.Request { return variants.NewRequest(variants.Tests()) },
		"remote starts no tests": func() variants.Request { r := remote; r.Test = "example.com/hello"; return r },
		"leave entry out":        func() variants.Request { r := tests; r.Entry = variants.EntryCmd; return r },
	} {
		if _, err := edit().Complete(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one with %q", err, want)
		}
	}
	if slices.Contains(variants.Names(), "test") {
		t.Error("test is in the table")
	}
}
