package rebuild

import (
	"runtime/debug"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/derive/find"
	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/variants"
)

func module(path, version string) *debug.Module { return &debug.Module{Path: path, Version: version} }

// infoOf is the build information of a program in a module at a version.
func infoOf(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
	settings = append(settings, debug.BuildSetting{Key: "-compiler", Value: "gc"})
	return &debug.BuildInfo{Path: "example.com/a/cmd", Main: *module("example.com/a", version), Settings: settings}
}

func TestWhatAProgramIsCompiledFrom(t *testing.T) {
	ours := &buildContext{modules: []contextModule{{".", "example.com/b"}, {"deep/er", "example.com/a"}}}
	for _, tc := range []struct {
		asked   variants.Rebuild
		version string
		tree    *buildContext
		want    from
	}{
		{variants.RebuildAuto, "(devel)", ours, from{variants.RebuildContext, "deep/er"}},
		{variants.RebuildAuto, "v1.2.3", ours, from{variants.RebuildContext, "deep/er"}},
		{variants.RebuildModule, "v1.2.3", ours, from{kind: variants.RebuildModule}},
		{variants.RebuildAuto, "v1.2.3", &buildContext{}, from{kind: variants.RebuildModule}},
		{variants.RebuildAuto, "(devel)", &buildContext{}, from{}},
		{variants.RebuildContext, "v1.2.3", &buildContext{}, from{}},
		{variants.RebuildModule, "v1.2.3+dirty", ours, from{}},
	} {
		got, err := choose(tc.asked, infoOf(tc.version), tc.tree)
		if got != tc.want || (err == nil) != (tc.want.kind != "") {
			t.Errorf("%s at %s: %+v, %v, want %+v", tc.asked, tc.version, got, err, tc.want)
		}
	}
}

func TestVersionsThatAProxyCanHave(t *testing.T) {
	for version, want := range map[string]bool{
		"v1.2.3": true, "v1.2.3-rc.1": true, "v2.0.0+incompatible": true, "v0.0.0-20250915201037-7f05d217867b": true,
		"": false, "(devel)": false, "v1.2": false, "v1.2.3+dirty": false, "v0.0.0-20250915201037-7f05d217867b+dirty": false, "1.2.3": false,
	} {
		if got := released(version); got != want {
			t.Errorf("%q: %t", version, got)
		}
	}
}

func TestModulesThatAreNotTheProgramsOwnAreRefused(t *testing.T) {
	const one, two = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	revision := debug.BuildSetting{Key: "vcs.revision", Value: one}
	withSum := infoOf("v1.2.3", revision)
	withSum.Main.Sum = "h1:one"
	for name, tc := range map[string]struct {
		info *debug.BuildInfo
		sum  string
		hash string
		want string
	}{
		"the same sum":       {info: withSum, sum: "h1:one", hash: two},
		"another sum":        {info: withSum, sum: "h1:two", want: "with the sum h1:one, and the Go module proxy's has h1:two"},
		"no sum, the commit": {info: infoOf("v1.2.3", revision), sum: "h1:two", hash: one},
		"another commit":     {info: infoOf("v1.2.3", revision), sum: "h1:two", hash: two, want: "from commit 111111111111, and the Go module proxy's example.com/a@v1.2.3 is commit 222222222222"},
		"nothing to compare": {info: infoOf("v1.2.3"), sum: "h1:two", hash: two},
	} {
		m := downloaded{Path: "example.com/a", Version: "v1.2.3", Sum: tc.sum}
		m.Origin.Hash = tc.hash
		err := sameModule(&find.Program{Path: "/server", Facts: &gobin.Facts{Info: tc.info}}, m, "do this")
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

func TestModulesThatGoInstallDoesNotTake(t *testing.T) {
	p := &find.Program{Path: "/server"}
	for text, want := range map[string]string{
		"module example.com/a\nrequire example.com/b v1.0.0\n":    "",
		"module example.com/a\nreplace example.com/b => ../b\n":   "has replace lines, so go install cannot compile /server from it",
		"module example.com/a\nexclude (\n\ta.org/b v1.0.0\n)\n":  "has exclude lines",
		"module example.com/a\nreplace (\n x.org/y => z.org/y v1": "reading the go.mod of example.com/a@v1.2.3",
	} {
		err := installable(p, downloaded{Path: "example.com/a", Version: "v1.2.3", GoMod: []byte(text)}, "do this")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestChangedModulesAreNamed(t *testing.T) {
	before := &debug.BuildInfo{Deps: []*debug.Module{module("a", "v1"), module("b", "v1"), module("c", "v1"), {Path: "d", Version: "v1", Replace: module("e", "v2")}}}
	after := &debug.BuildInfo{Deps: []*debug.Module{module("a", "v1"), module("b", "v2"), {Path: "d", Version: "v9", Replace: module("e", "v2")}, module("f", "v1")}}
	if got, want := changedModules(before, after), "b is v2 and was v1, c is gone, 1 are new"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := changedModules(before, before); got != "" {
		t.Errorf("the same: %q", got)
	}
}
