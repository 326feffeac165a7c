package cli

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
)

// newContext is a folder with an empty Dockerfile.
func newContext(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// newProject is a context folder with a project file of that text.
func newProject(t *testing.T, text string) string {
	t.Helper()
	dir := newContext(t)
	if err := os.WriteFile(filepath.Join(dir, projectFile), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

const fast = `variants:
  fast: {base: remote, suffix: -dbg, start: continue, listen: ":4000", sources: baked, delve-arg: [--log, --log-output=rpc]}
  remote: {suffix: -d}
`

func TestProjectFileAddsToTheTable(t *testing.T) {
	table, err := projectTable("", newProject(t, fast))
	if err != nil {
		t.Fatal(err)
	}
	row := func(preset, suffix string, kind variants.Kind, sources variants.Sources) variants.Request {
		v := variants.Variant{Name: preset, Suffix: suffix, Kind: kind, Sources: sources}
		return variants.Request{Preset: preset, Variant: v, Start: variants.StartHold}
	}
	fast := row("remote", "-dbg", variants.KindRemote, variants.SourcesBaked)
	fast.Preset, fast.Start, fast.Listen, fast.DelveArgs = "fast", variants.StartContinue, ":4000", []string{"--log", "--log-output=rpc"}
	want := []variants.Request{
		row("remote", "-d", variants.KindRemote, variants.SourcesExcluded),
		row("remote-src", "-debug-src", variants.KindRemote, variants.SourcesBaked),
		row("attach", "-debug-attach", variants.KindAttach, variants.SourcesBaked),
		row("sidecar", "-debug-sidecar", variants.KindSidecar, variants.SourcesBaked),
		fast,
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProjectFileIsLookedForInTheContextThenTheWorkingFolder(t *testing.T) {
	t.Chdir(newProject(t, "variants: {here: {base: attach, suffix: -here}}"))
	for context, want := range map[string]string{
		newProject(t, "variants: {there: {base: attach, suffix: -there}}"): "there",
		newContext(t):                 "here",
		"https://example.com/app.git": "here",
		"-":                           "here",
	} {
		table, err := projectTable("", context)
		if err != nil {
			t.Fatal(err)
		}
		if got := table[len(table)-1].Preset; got != want {
			t.Errorf("context %s: the table ends with %s, want %s", context, got, want)
		}
	}
	if table, err := projectTable("", t.TempDir()); err != nil || len(table) != 5 {
		t.Errorf("an empty context: %d variants, %v", len(table), err)
	}
	if _, err := projectTable("none.yaml", "."); err == nil || !strings.Contains(err.Error(), "--config") {
		t.Errorf("a named file that is absent: %v", err)
	}
}

func TestMistakesInTheProjectFileAreToldWithLineAndNearestName(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "",
		"variants:\n":                         "",
		"# nothing yet\n":                     "",
		"variant:\n  a: {}\n":                 `dlvgen.yaml:1: unknown key "variant": did you mean "variants"?`,
		"variants:\n  a:\n    starts: hold\n": `dlvgen.yaml:3: unknown key "starts" of variant a: did you mean "start"?`,
		"variants:\n  a: {base: remot}\n":     `dlvgen.yaml:2: variant a has no suffix`,
		"variants:\n  a: {base: remot, suffix: -a}\n":                                   `dlvgen.yaml:2: variant a: unknown variant "remot": did you mean "remote"?`,
		"variants:\n  a: {base: remote, suffix: -a}\n  b: {base: remote, suffix: -a}\n": `dlvgen.yaml:3: variants a and b would have the same suffix "-a"`,
		"variants:\n  a: {base: remote, suffix: -a}\n  a: {base: attach, suffix: -b}\n": `dlvgen.yaml:3: the key "a" stands in variants twice`,
		"variants:\n  a: {base: remote, suffix: -a, start: soon}\n":                     `dlvgen.yaml:2: variant a: start is "soon"`,
		"variants:\n  a: {base: remote, suffix: -a, optimize: perhaps}\n":               `dlvgen.yaml: variant a: line 2:`,
		"variants:\n  a: {base: [remote], suffix: -a}\n":                                `dlvgen.yaml: variant a: line 2:`,
		"variants: [remote]\n":                           `dlvgen.yaml:1: variants must be a mapping`,
		"variants:\n  all: {base: remote, suffix: -a}\n": `dlvgen.yaml:2: a variant cannot be called "all"`,
		"variants: {a\n":                                 `dlvgen.yaml: yaml: line 1:`,
	} {
		dir := newProject(t, text)
		_, err := projectTable("", dir)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", text, err)
		case want != "" && (err == nil || !strings.HasPrefix(err.Error(), filepath.Join(dir, want[:11])+want[11:])):
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// TestFlagBeatsPresetBeatsDefault reads the frontend's options of a command line.
func TestFlagBeatsPresetBeatsDefault(t *testing.T) {
	dir := newProject(t, fast)
	asFast := func(changes map[string]string) map[string]string {
		attrs := map[string]string{
			"VARIANT": "remote", "PRESET": "fast", "TAG_SUFFIX": "-dbg",
			"START": "continue", "LISTEN": ":4000", "SOURCES": "baked", "DELVE_ARG": "--log --log-output=rpc",
		}
		maps.Copy(attrs, changes)
		return attrs
	}
	held := asFast(map[string]string{"LISTEN": ":8000"})
	delete(held, "START")
	delete(held, "SOURCES")
	for _, test := range []struct {
		args []string
		want map[string]string
	}{
		{[]string{"--variant", "fast"}, asFast(nil)},
		{[]string{"--variant", "fast", "--start", "hold", "--listen", ":8000", "--sources", "excluded"}, held},
		{[]string{"--variant", "fast", "--entry", "inplace", "--optimize", "--program", "/p", "--delve", "1.25.2"},
			asFast(map[string]string{"ENTRY": "inplace", "OPTIMIZE": "true", "PROGRAM": "/p", "DELVE": "1.25.2"})},
		{[]string{"--variant", "fast", "--rebuild", "--rebuild-image", "go:1"}, asFast(map[string]string{"REBUILD": "auto", "REBUILD_IMAGE": "go:1"})},
		{[]string{"--variant", "fast", "--tag-suffix", "fast=-f"}, asFast(map[string]string{"TAG_SUFFIX": "-f"})},
		{[]string{"--variant", "fast", "--delve-arg", "--log", "--delve-arg", "--log-dest=/log", "--no-go-cache"},
			asFast(map[string]string{"DELVE_ARG": "--log --log-dest=/log", "NO_GO_CACHE": "true"})},
		{nil, map[string]string{"VARIANT": "remote", "TAG_SUFFIX": "-d"}},
	} {
		flags, _ := mustParse(t, append(test.args, "-t", "app:v1", dir)...)
		want := map[string]string{}
		for name, value := range test.want {
			want["build-arg:DLVGEN_"+name] = value
		}
		if diff := cmp.Diff(want, frontend.Attrs(flags.Variants[0])); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.args, diff)
		}
	}
}

func TestAllNamesEveryVariantWithItsTag(t *testing.T) {
	flags, _ := mustParse(t, "--variant", "all", "--tag-suffix", "attach=-at", newProject(t, fast))
	var got []string
	for _, r := range flags.Variants {
		tag, err := r.Tag("v1")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, "app:"+tag)
	}
	want := []string{"app:v1-d", "app:v1-debug-src", "app:v1-at", "app:v1-debug-sidecar", "app:v1-dbg"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, _, err := parse(t, "--entry", "here", "."); err == nil || !strings.HasPrefix(err.Error(), "--entry is") {
		t.Errorf("a flag's value that is not known: %v", err)
	}
}
