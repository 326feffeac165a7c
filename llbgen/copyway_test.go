package llbgen

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/moby/buildkit/solver/pb"
	fscopy "github.com/tonistiigi/fsutil/copy"
)

// copiedTree are the files that the test copies.
var copiedTree = []string{
	"app", "srv/app", "build/app-linux-amd64", "build/app-checksums", "build/odd[1]", "dist/linux_amd64/app", "dist/linux_arm64/app",
	"dist/app_linux_amd64_v1/app", "dist/app_linux_amd64_v1/doc/readme.md", "dist/readme.md",
}

// Every file that BuildKit's copier puts somewhere must be found by the way it took:
// else a file would be said to come from nowhere.
func TestCopiesAreFollowedAsTheyAreMade(t *testing.T) {
	from := t.TempDir()
	writeTree(t, from, copiedTree)
	copies := 0
	for _, src := range []string{
		"/app", "/ap[p]", "/", "/srv", "/srv/", "/build/app-*", "/build/*", "/build/app-linux-?md64", "/build/odd[[]1]", "/dist/linux_*/app", "/dist/app_linux_amd64*/",
		"/dist/app_linux_amd64*", "/dist/*", "/*/app", "/*/*/app", "/dist/[a-z]*", "/nothing*", "/[",
	} {
		for _, dest := range []string{"/", "/app", "/app/", "/app/.", "/app/app", "/usr/bin", "/usr/bin/"} {
			for _, there := range [][]string{nil, {"usr/bin/sh"}, {"app/old"}} {
				for _, c := range []*pb.FileActionCopy{
					{},
					{ExcludePatterns: []string{"*.md", "linux_arm64"}},
					{IncludePatterns: []string{"dist/*/app", "app"}},
					{IncludePatterns: []string{"dist"}, ExcludePatterns: []string{"**/*.md", "!**/readme.md"}},
				} {
					c.Src, c.Dest, c.AllowWildcard, c.DirCopyContents = src, dest, true, true
					to := t.TempDir()
					writeTree(t, to, there)
					if copyAll(t, from, to, c) == nil {
						copies++
						checkWays(t, to, c)
					}
				}
			}
		}
	}
	if copies < 1000 {
		t.Errorf("%d copies succeeded", copies)
	}
}

// writeTree makes files, each with its path in it.
func writeTree(t *testing.T, dir string, files []string) {
	t.Helper()
	for _, f := range files {
		at := filepath.Join(dir, f)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(f), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// copyAll copies as BuildKit does (solver/llbsolver/file: docopy).
func copyAll(t *testing.T, from, to string, c *pb.FileActionCopy) error {
	t.Helper()
	sources, err := fscopy.ResolveWildcards(from, c.Src, true)
	if err != nil {
		return err
	}
	for _, s := range sources {
		err := fscopy.Copy(t.Context(), from, s, to, c.Dest, func(ci *fscopy.CopyInfo) {
			ci.CopyDirContents, ci.FollowLinks = c.DirCopyContents, true
			ci.IncludePatterns, ci.ExcludePatterns = c.IncludePatterns, c.ExcludePatterns
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// checkWays looks for the way of each file that was copied.
func checkWays(t *testing.T, dir string, c *pb.FileActionCopy) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		dt, err := os.ReadFile(filepath.Join(dir, p))
		if err != nil || !slices.Contains(copiedTree, string(dt)) {
			return err
		}
		if ways := copiedFrom(c, "/"+p); !slices.ContainsFunc(ways, func(w copyWay) bool { return matches(w.from, "/"+string(dt)) }) {
			return fmt.Errorf("COPY %s %s, of %q but %q, brings %s from %s, and the ways are %v", c.Src, c.Dest, c.IncludePatterns, c.ExcludePatterns, p, dt, ways)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestCopiesBringNothingElse(t *testing.T) {
	for _, test := range []struct {
		copy *pb.FileActionCopy
		file string
	}{
		{&pb.FileActionCopy{Src: "/build/app-*", Dest: "/app"}, "/server"},
		{&pb.FileActionCopy{Src: "/build/app-*", Dest: "/usr/bin/"}, "/usr/bin"},
		{&pb.FileActionCopy{Src: "/", Dest: "/", IncludePatterns: []string{"dist/*/app"}}, "/app"},
		{&pb.FileActionCopy{Src: "/dist", Dest: "/", ExcludePatterns: []string{"app"}}, "/app"},
	} {
		test.copy.AllowWildcard, test.copy.DirCopyContents = true, true
		if ways := copiedFrom(test.copy, test.file); len(ways) > 0 {
			t.Errorf("COPY %s %s brings %s from %v", test.copy.Src, test.copy.Dest, test.file, ways)
		}
	}
}

func TestNamesMeet(t *testing.T) {
	for _, test := range []struct {
		a, b, want string
		ok         bool
	}{
		{"app", "app", "app", true},
		{"app", "server", "", false},
		{"app-*", "app-linux", "app-linux", true},
		{"app-linux", "app-*", "app-linux", true},
		{"app-*", "app-linux-?md64", "app-linux-?md64", true},
		{"app-*", "server-*", "", false},
		{"a[1]", "a[1]", "a[1]", true},
		{"*", "app-*", "app-*", true},
	} {
		if got, ok := meet(test.a, test.b); got != test.want || ok != test.ok {
			t.Errorf("%s and %s meet in %q, %t; want %q, %t", test.a, test.b, got, ok, test.want, test.ok)
		}
	}
}

func TestLettersOfPatterns(t *testing.T) {
	for pattern, want := range map[string]string{"app": "app", "app-*": "app-", "*": "", "ap[p]-linux-?md64": "-linux-", "a[": "a", "[[]": ""} {
		if got := letters(pattern); got != want {
			t.Errorf("the letters of %s are %q, want %q", pattern, got, want)
		}
	}
}
