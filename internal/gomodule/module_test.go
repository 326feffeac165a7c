package gomodule

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

const program = "package main\n\nfunc main() {}\n"

// mod is a go.mod with a go line and more.
func mod(lines ...string) string {
	return "module example.com/app\n" + strings.Join(append(lines, "go 1.26"), "\n") + "\n"
}

func TestTheImageWithGoIsTheOneThatGoModNames(t *testing.T) {
	for lines, want := range map[string]string{
		"go 1.26":                              "1.26",
		"go 1.26.3":                            "1.26.3",
		"go 1.25.0\ntoolchain go1.26.6":        "1.26.6",
		"go 1.26.3\ntoolchain go1.24.1":        "1.26.3",
		"go 1.26rc1":                           "1.26rc1",
		"go 1.24\ntoolchain default":           "1.24",
		"go 1.24.0\ntoolchain go1.24.2-vendor": "1.24.2",
		"go 1.18":                              "1.18",
	} {
		dir := proctest.Files(t, map[string]string{"go.mod": "module example.com/app\n" + lines + "\n", "main.go": program})
		m, err := Find(dir, Options{})
		if err != nil || m.Go != want {
			t.Errorf("%q: %+v, %v, want %s", lines, m, err, want)
		}
	}
}

func TestAWorkspaceNamesTheGoToo(t *testing.T) {
	dir := proctest.Files(t, map[string]string{"go.work": "go 1.26.2\nuse ./app\n", "app/go.mod": mod(), "app/main.go": program})
	m, err := Find(filepath.Join(dir, "app"), Options{})
	if err != nil || m.Go != "1.26.2" {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err = Find(filepath.Join(dir, "app"), Options{Work: "off"}); err != nil || m.Go != "1.26" {
		t.Errorf("GOWORK=off: %+v, %v", m, err)
	}
}

func TestFoldersWithoutAProgramSayWhereOneIs(t *testing.T) {
	dir := proctest.Files(t, map[string]string{
		"one/go.mod": mod(), "one/lib/lib.go": "package lib\n", "one/cmd/app/main.go": program, "one/vendor/x/main.go": program, "one/other/go.mod": mod(), "one/other/main.go": program,
		"two/go.mod": mod(), "two/a/main.go": program, "two/b/main.go": program, "two/c/main.go": program, "two/d/main.go": program, "two/e/main.go": program, "two/f/main.go": program,
		"none/go.mod": mod(), "none/lib.go": "package lib\n",
		"both/go.mod": mod(), "both/a.go": "package a\n", "both/b.go": program,
		"darwin/go.mod": mod(), "darwin/main_darwin.go": program,
		"bare/main.go": program,
		"named/go.mod": mod(), "named/a b/main.go": program,
		"old/go.mod": "module example.com/app\ngo 1.13\n", "old/main.go": program,
		"silent/go.mod": "module example.com/app\n", "silent/main.go": program,
		"broken/go.mod": "module example.com/app\nrequire x\n", "broken/main.go": program,
	})
	for _, tc := range []struct{ folder, want string }{
		{"one/lib", "/one/lib has package lib, which is no program: name the folder of the module's program, ./cmd/app"},
		{"one", "/one has no Go files: name the folder of the module's program, ./cmd/app"},
		{"two", "/two has no Go files: name the folder of one of the module's programs: ./a, ./b, ./c, ./d, ./e, and 1 more"},
		{"none", "/none has package lib, which is no program, and the Go module in " + dir + "/none has no main package"},
		{"both", "/both has several packages: a (a.go) and main (b.go)"},
		{"darwin", "/darwin has only Go files that are not compiled for Linux"},
		{"bare", "/bare is part of no Go module"},
		{"named/a b", `malformed import path "example.com/app/a b": invalid char ' ': rename its folder`},
		{"old", "names Go 1.13, and 1.16 is the oldest that can be debugged"},
		{"silent", "has no go line"},
		{"broken", "go.mod:2: "},
	} {
		_, err := Find(filepath.Join(dir, tc.folder), Options{})
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", tc.folder, err, tc.want)
		}
	}
	if m, err := Find(filepath.Join(dir, "one", "cmd", "app"), Options{}); err != nil || m.Path != "example.com/app/cmd/app" || m.Name() != "app" {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestBuildTagsDecideWhatIsMain(t *testing.T) {
	dir := proctest.Files(t, map[string]string{"go.mod": mod(), "main.go": "//go:build special\n\n" + program})
	if IsMain(dir, Options{}) || !IsMain(dir, Options{Tags: []string{"special"}}) {
		t.Error("the tag makes no difference")
	}
}

func TestAnImportPathOfTheModuleIsAFolder(t *testing.T) {
	dir := proctest.Files(t, map[string]string{"go.mod": mod(), "cmd/app/main.go": program})
	for importPath, want := range map[string]string{
		"example.com/app/cmd/app": filepath.Join(dir, "cmd", "app"), "example.com/app": dir, "example.com/apple": "", "example.com/app/none": "", "other.example/app": "",
	} {
		if got := FolderOf(importPath, filepath.Join(dir, "cmd")); got != want {
			t.Errorf("%s is %q, want %q", importPath, got, want)
		}
	}
}

// TestFoldersKeepTheirPlaces has modules that are compiled from more than their own folder.
func TestFoldersKeepTheirPlaces(t *testing.T) {
	dir := proctest.Files(t, map[string]string{
		"lib/go.mod": "module example.com/lib\n", "deep/er/lib/go.mod": "module example.com/deep\n",
		"alone/go.mod": mod("replace example.com/x => ./x", "replace example.com/gone => ../gone", "replace example.com/y => example.com/z v1.0.0"), "alone/x/go.mod": "module example.com/x\n", "alone/main.go": program,
		"sibling/go.mod": mod("replace example.com/lib => ../lib"), "sibling/main.go": program,
		"deep/sibling/go.mod": mod("replace (", "example.com/lib => ../../lib", "example.com/deep => ../er/lib", ")"), "deep/sibling/main.go": program,
		"outer/go.mod": "module example.com/outer\n", "outer/cmd/app/go.mod": mod("replace example.com/outer => ../.."), "outer/cmd/app/main.go": program,
		"secrets/.ssh/key": "", "secrets/file.go": "package secrets\n", "greedy/go.mod": mod("replace example.com/x => ../secrets", "replace example.com/all => ../"), "greedy/main.go": program,
		"space/go.work": "go 1.26\nuse (\n./app\n../lib\n)\n", "space/app/go.mod": mod(), "space/app/main.go": program,
	})
	abs := proctest.Files(t, map[string]string{"abs/go.mod": mod("replace example.com/lib => " + filepath.ToSlash(dir) + "/lib"), "abs/main.go": program})
	for _, tc := range []struct {
		in      string
		folders []Folder
		pkg     string
	}{
		{dir + "/alone", []Folder{{dir + "/alone", "/src"}}, "/src"},
		{dir + "/greedy", []Folder{{dir + "/greedy", "/src"}}, "/src"}, // the go command takes no other folders
		{dir + "/sibling", []Folder{{dir + "/sibling", "/src/sibling"}, {dir + "/lib", "/src/lib"}}, "/src/sibling"},
		{dir + "/deep/sibling", []Folder{{dir + "/deep/sibling", "/src/deep/sibling"}, {dir + "/lib", "/src/lib"}, {dir + "/deep/er/lib", "/src/deep/er/lib"}}, "/src/deep/sibling"},
		{dir + "/outer/cmd/app", []Folder{{dir + "/outer", "/src"}}, "/src/cmd/app"},
		{dir + "/space/app", []Folder{{dir + "/space", "/src/space"}, {dir + "/lib", "/src/lib"}}, "/src/space/app"},
		{abs + "/abs", []Folder{{abs + "/abs", "/src"}, {dir + "/lib", dir + "/lib"}}, "/src"},
	} {
		m, err := Find(tc.in, Options{})
		if err != nil {
			t.Errorf("%s: %v", tc.in, err)
			continue
		}
		if !slices.Equal(m.Folders, tc.folders) || m.at(m.Package) != tc.pkg {
			t.Errorf("%s: %q, the package at %s, want %q and %s", tc.in, m.Folders, m.at(m.Package), tc.folders, tc.pkg)
		}
	}
}
