package watch

import (
	"context"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/tonistiigi/fsutil"
)

// TestWhatBuildKitSendsCounts compares with what BuildKit's session sends of a folder.
func TestWhatBuildKitSendsCounts(t *testing.T) {
	dir := proctest.Files(t, map[string]string{
		"Dockerfile": "", "main.go": "", "main_test.go": "", "app.log": "", "cmd/app/main.go": "", "cmd/app/notes.txt": "",
		"node_modules/a/index.js": "", "node_modules/keep/this/file.js": "", "node_modules/keep/other.js": "", "docs/a.md": "", "docs/README.md": "",
		"deep/er/node_modules/x.js": "", "deep/er/own.go": "",
	})
	for _, patterns := range [][]string{
		nil,
		{"*.log", "**/node_modules"},
		{"*", "!cmd", "!*.go"},
		{"*", "!**/*.go"},
		{"node_modules", "!node_modules/keep/this"},
		{"**/*.md", "!docs/README.md", "docs/README.md"},
		{"docs", "!docs/R*.md"},
		{"cmd/*/notes.txt", "deep/**"},
		{"/main.go", "./docs/"},
	} {
		i, err := newIgnored(patterns)
		if err != nil {
			t.Fatal(err)
		}
		all, sent := walked(t, dir, nil), walked(t, dir, patterns)
		for _, file := range all {
			if got, want := i.counts(filepath.ToSlash(file)), slices.Contains(sent, file); got != want {
				t.Errorf("%q: %s counts: %t, want %t", patterns, file, got, want)
			}
		}
		for _, file := range sent {
			for parent := filepath.Dir(file); parent != "."; parent = filepath.Dir(parent) {
				if !i.leads(filepath.ToSlash(parent)) {
					t.Errorf("%q: %s does not lead to %s", patterns, parent, file)
				}
			}
		}
	}
	if i, _ := newIgnored([]string{"**/node_modules", "!docs"}); i.leads("deep/er/node_modules") {
		t.Error("an exception elsewhere leads into a folder that is left out")
	}
}

// walked are the files of a folder that a context has.
func walked(t *testing.T, dir string, patterns []string) (files []string) {
	t.Helper()
	tree, err := fsutil.NewFS(dir)
	if err == nil {
		tree, err = fsutil.NewFilterFS(tree, &fsutil.FilterOpt{ExcludePatterns: patterns})
	}
	if err != nil {
		t.Fatal(err)
	}
	err = tree.Walk(context.Background(), "", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestWhatEditorsAndGitWriteDoesNotCount(t *testing.T) {
	for file, want := range map[string]bool{
		"main.go": true, ".main.go.swp": false, "4913": false, "main.go~": false, "cmd/.#main.go": false, "cmd/#main.go#": false,
		"main.go___jb_tmp___": false, ".goutputstream-ABC": false, ".git/index": false, "third/.git/HEAD": false, ".idea/workspace.xml": false,
		".gitignore": true, "a.swp": true, "4914": true,
	} {
		if got := (ignored{}).counts(file); got != want {
			t.Errorf("%s counts: %t", file, got)
		}
	}
	if (ignored{}).leads("third/.git") {
		t.Error(".git is watched")
	}
}
