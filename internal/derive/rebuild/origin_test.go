package rebuild

import (
	"runtime/debug"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/variants"
)

const (
	commitOne = "1111111111111111111111111111111111111111"
	commitTwo = "2222222222222222222222222222222222222222"
)

// onGitHub is build information of a module whose path names its repository.
func onGitHub(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
	info := infoOf(version, settings...)
	info.Path, info.Main.Path = "github.com/a/b/v2/cmd/c", "github.com/a/b/v2"
	return info
}

func replacing(info *debug.BuildInfo) *debug.BuildInfo {
	info.Deps = []*debug.Module{module("example.com/d", "v1.0.0"), {Path: "example.com/e", Version: "v1.0.0", Replace: module("example.com/f", "v1.1.0")}}
	return info
}

func TestWhatAPublishedProgramIsCompiledFrom(t *testing.T) {
	revision, changed := debug.BuildSetting{Key: "vcs.revision", Value: commitOne}, debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	folder := production.Sources{Folder: true, Revision: commitOne}
	other := production.Sources{Folder: true, Revision: commitTwo}
	otherAllowed := production.Sources{Folder: true, Revision: commitTwo, AllowMismatch: true}
	git := production.Sources{Git: "https://git.example/app.git"}
	const own = "https://github.com/a/b.git"
	for name, tc := range map[string]struct {
		info    *debug.BuildInfo
		sources production.Sources
		want    origin // without the warnings
		warns   string // the only warning
		err     string
	}{
		"a release":                       {info: infoOf("v1.2.3"), want: origin{kind: variants.RebuildModule}},
		"a release of before modules":     {info: infoOf("v2.0.0+incompatible"), want: origin{kind: variants.RebuildModule}},
		"a commit that the proxy has":     {info: infoOf("v0.0.0-20250915201037-7f05d217867b"), want: origin{kind: variants.RebuildModule}},
		"a checkout of a release":         {info: onGitHub("v1.2.3", revision), want: origin{kind: variants.RebuildModule}},
		"a checkout between releases":     {info: onGitHub("(devel)", revision), want: origin{kind: variants.RebuildGit, repository: own, ref: commitOne}},
		"with a module replaced":          {info: replacing(onGitHub("v1.2.3", revision)), want: origin{kind: variants.RebuildGit, repository: own, ref: commitOne}},
		"replaced, and no commit":         {info: replacing(infoOf("v1.2.3")), err: "the go.mod of example.com/a replaces example.com/e by example.com/f v1.1.0, which go install does not do for a module of the Go module proxy, and it names no commit: name its sources with --source"},
		"replaced by a folder":            {info: &debug.BuildInfo{Path: "a.b/c", Main: *module("a.b/c", "v1.0.0"), Settings: []debug.BuildSetting{revision}, Deps: []*debug.Module{{Path: "a.b/d", Version: "v1.0.0", Replace: module("../d", "")}}}, err: "replaces a.b/d by ../d, which"},
		"neither version nor commit":      {info: infoOf("(devel)"), err: "(devel) is no version that the Go module proxy could have, and it names no commit: name its sources with --source"},
		"no version at all":               {info: infoOf(""), err: "its build information names no version of the module, and it names no commit"},
		"a commit that is a flag":         {info: onGitHub("(devel)", debug.BuildSetting{Key: "vcs.revision", Value: "--upload-pack=/run"}), err: `its commit "--upload-pack=/run" is none of git's: name a branch, tag or commit of the repository: --source git+URL#REF`},
		"a commit with a folder":          {info: onGitHub("(devel)", debug.BuildSetting{Key: "vcs.revision", Value: commitOne + ":other"}), err: "is none of git's"},
		"a path that is no repository's":  {info: infoOf("(devel)", revision), err: "its path example.com/a does not name its git repository: name that with --source git+https://HOST/PATH"},
		"changes that were not committed": {info: onGitHub("v1.2.3+dirty", revision, changed), err: "production's was compiled from commit 111111111111 with changes that were not committed: name a folder that has them with --source, or add --allow-mismatch"},
		"those, taken all the same":       {info: onGitHub("v1.2.3+dirty", revision, changed), sources: production.Sources{AllowMismatch: true}, want: origin{kind: variants.RebuildGit, repository: own, ref: commitOne}, warns: "with changes that were not committed"},

		"a folder":                            {info: infoOf("v1.2.3", revision), sources: folder, want: origin{kind: variants.RebuildContext}},
		"a folder at another commit":          {info: infoOf("(devel)", revision), sources: other, err: "production's was compiled from commit 111111111111, and --source is at 222222222222: check out that commit, or add --allow-mismatch"},
		"that, taken all the same":            {info: infoOf("(devel)", revision), sources: otherAllowed, want: origin{kind: variants.RebuildContext}, warns: "production's was compiled from commit 111111111111, and --source is at 222222222222"},
		"a folder without git":                {info: infoOf("(devel)", revision), sources: production.Sources{Folder: true}, want: origin{kind: variants.RebuildContext}, warns: "the commit of --source is not known"},
		"a folder, and no commit":             {info: infoOf("(devel)"), sources: other, want: origin{kind: variants.RebuildContext}, warns: "its build information names no commit, so nothing tells whether --source has production's sources"},
		"a folder with changes":               {info: infoOf("(devel)", revision), sources: production.Sources{Folder: true, Revision: commitOne, Changed: true}, want: origin{kind: variants.RebuildContext}, warns: "--source has changes that are not committed"},
		"a folder, of a program with changes": {info: infoOf("(devel)", revision, changed), sources: production.Sources{Folder: true, Revision: commitOne, Changed: true}, want: origin{kind: variants.RebuildContext}, warns: "production's was compiled from commit 111111111111 with changes that were not committed"},
		"a folder beats the proxy":            {info: replacing(infoOf("v1.2.3", revision)), sources: folder, want: origin{kind: variants.RebuildContext}},

		"a repository":                     {info: infoOf("(devel)", revision), sources: git, want: origin{kind: variants.RebuildGit, repository: git.Git, ref: commitOne}},
		"a repository at a tag":            {info: infoOf("(devel)"), sources: production.Sources{Git: git.Git + "#v1"}, want: origin{kind: variants.RebuildGit, repository: git.Git, ref: "v1"}},
		"a repository, and no commit":      {info: infoOf("(devel)"), sources: production.Sources{Git: "https://user:secret@git.example/app.git"}, err: "its build information names no commit: name a branch, tag or commit of the repository: --source https://xxxxx:xxxxx@git.example/app.git#REF"},
		"outside of a module":              {info: &debug.BuildInfo{Path: "a"}, sources: folder, err: "it was compiled outside of a module"},
		"from files":                       {info: &debug.BuildInfo{Path: "command-line-arguments", Main: *module("a.b/c", "(devel)")}, sources: folder, err: "it was compiled from files (go build main.go)"},
		"without settings, before Go 1.18": {info: &debug.BuildInfo{Path: "a.b/c", Main: *module("a.b/c", "v1.0.0")}, err: "its build information has no settings"},
	} {
		got, err := originOf(tc.info, tc.sources)
		warnings := strings.Join(got.warnings, "\n")
		got.warnings = nil
		switch {
		case tc.err != "":
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: the error is %v, want %q", name, err, tc.err)
			}
		case err != nil || got.kind != tc.want.kind || got.repository != tc.want.repository || got.ref != tc.want.ref:
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, tc.want)
		case (tc.warns == "") != (warnings == "") || !strings.Contains(warnings, tc.warns):
			t.Errorf("%s: the warnings are %q, want %q", name, warnings, tc.warns)
		}
	}
}

func TestTheCommitThatIsFetchedIsTheProgramsOwn(t *testing.T) {
	revision := debug.BuildSetting{Key: "vcs.revision", Value: commitOne}
	o := origin{kind: variants.RebuildGit, ref: "v1"}
	if err := o.checkCommit(infoOf("(devel)", revision), production.Sources{}, commitOne); err != nil || len(o.warnings) > 0 {
		t.Errorf("the same commit: %v, %q", err, o.warnings)
	}
	err := o.checkCommit(infoOf("(devel)", revision), production.Sources{}, commitTwo)
	if want := "production's was compiled from commit 111111111111, and v1 of the repository is 222222222222: leave out #v1, or add --allow-mismatch"; err == nil || err.Error() != want {
		t.Errorf("another commit: %v, want %q", err, want)
	}
	if err := o.checkCommit(infoOf("(devel)", revision), production.Sources{AllowMismatch: true}, commitTwo); err != nil || len(o.warnings) != 1 {
		t.Errorf("another commit, allowed: %v, %q", err, o.warnings)
	}
}

func TestTheRepositoryThatAModuleNames(t *testing.T) {
	for module, want := range map[string]string{
		"github.com/a/b": "https://github.com/a/b.git", "github.com/a/b/v2": "https://github.com/a/b.git", "github.com/a/b/tools/c": "https://github.com/a/b.git",
		"codeberg.org/a/b": "https://codeberg.org/a/b.git", "gitlab.com/a/b.git": "https://gitlab.com/a/b.git",
		"github.com/a": "", "golang.org/x/tools": "", "app": "", "github.com": "",
	} {
		if got, err := repositoryOf(module); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v, want %q", module, got, err, want)
		}
	}
}
