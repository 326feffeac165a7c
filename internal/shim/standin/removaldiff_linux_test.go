//go:build !race

// One goroutine runs thousands of command lines: there is nothing for the race detector.

package standin

import (
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Words of random command lines. "/" is not among them, nor what leads out of the
// folder.
var (
	removeOptions = strings.Fields("-r -R -rf -fr -Rfv -f -v -d -i -I -- -- --recursive --rec --force --f --dir --verbose " +
		"--interactive=never --interactive=once --one-file-system --preserve-root --preserve-root=all --bogus -z -rz --help --version -rf -rf -r -r")
	removePlaces = []string{
		"go", "go/bin", "go/bin/go", "go/bin/gofmt", "go/src", "go/-x", "go/sidelink", "gopath", "gopath/pkg", "gopath/pkg/mod", "gopath/pkg/mod/lock",
		"gopath/pkg/sumdb", "gopath/vendor", "lone", "lone/mod", "both", "both/ours", "both/theirs", "theirs", "theirs/cache",
		"-held", "-held/go", "-rf", "two words", "empty", "file", "other", "other/sub", "other/-f", "other/back", "other/back/mod", "other/back/sumdb",
		"link", "link/pkg", "link/pkg/mod", "golink", "golink/bin", "golink/bin/go", "up/go", "up/up/gopath", "dangling", "missing", "missing/go",
		"link/../other", "golink/../gopath", "other/../go/bin", "other/back/../pkg", "file/x", "go/./bin", "go//bin",
	}
	removeEnds    = []string{"", "", "", "", "", "/", "//", "/.", "/..", "/./"}
	removeFolders = []string{"", "", "", "go", "go/bin", "gopath/pkg", "other", "lone"}
)

// randomRemoval is a command line.
func randomRemoval(r *rand.Rand) removeCall {
	one := func(of []string) string { return of[r.IntN(len(of))] }
	c := removeCall{folder: one(removeFolders), posix: r.IntN(8) == 0}
	if r.IntN(3) > 0 {
		c.stdin = strings.Repeat("y\n", 100)
	}
	for range 1 + r.IntN(5) {
		if r.IntN(2) == 0 {
			c.args = append(c.args, one(removeOptions))
			continue
		}
		place := one(removePlaces) + one(removeEnds)
		up := strings.Repeat("../", strings.Count(path.Join(c.folder, "x"), "/"))
		switch r.IntN(8) {
		case 0:
			place = rootWord + "/" + place
		case 1:
			place = up + "./" + place
		case 2:
			place = one([]string{"", ".", "./", "..", "../", "go", "bin", "mod", "pkg", "sumdb", "-x"})
		case 3:
			c.args = append(c.args, "-rf", up+place)
			continue
		default:
			place = up + place
		}
		c.args = append(c.args, place)
	}
	return c
}

// checkRemoval runs a command line in both folders and compares.
func checkRemoval(t *testing.T, w *removeWorld, c removeCall, real string) {
	t.Helper()
	w.reset()
	before := w.cached()
	want, got := w.run(c, w.plain, real), w.run(c, w.step, real)
	if got.code != want.code {
		t.Errorf("%v\nexit code %d, want %d\n%q\n%q", c, got.code, want.code, got.stderr, want.stderr)
	}
	if !slices.Equal(got.tree, want.tree) {
		t.Errorf("%v\nleft are\n%q, want\n%q", c, got.tree, want.tree)
	}
	asks := slices.ContainsFunc(c.args, func(word string) bool {
		return word == "-i" || word == "-I" || strings.HasPrefix(word, "--interactive")
	})
	if !asks && !slices.Equal(got.stderr, want.stderr) {
		t.Errorf("%v\nprints\n%q, want\n%q", c, got.stderr, want.stderr)
	}
	for _, line := range got.stdout {
		if !slices.Contains(want.stdout, line) {
			t.Errorf("%v\nsays %q, which the real one doesn't: %q", c, line, want.stdout)
		}
	}
	inside := slices.ContainsFunc(c.args, func(word string) bool { return strings.Contains(word, "mod/lock") || strings.Contains(word, "both") })
	if after := w.cached(); !inside && !slices.Equal(after, before) {
		t.Errorf("%v\nleaves %q in the caches, want %q", c, after, before)
	}
}

func TestRemovalsAreThoseOfProduction(t *testing.T) {
	for name, real := range realRemovers(t) {
		t.Run(name, func(t *testing.T) {
			for seed := range map[string]uint64{"GNU": 4, "busybox": 1}[name] {
				t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
					t.Parallel()
					w, r := newRemoveWorld(t), rand.New(rand.NewPCG(4, seed))
					for range 500 {
						checkRemoval(t, w, randomRemoval(r), real)
						if t.Failed() {
							return
						}
					}
				})
			}
		})
	}
}

// TestRemovalsThatWentWrong are command lines that removed more or less than the
// real rm, or failed where it does not.
func TestRemovalsThatWentWrong(t *testing.T) {
	for name, real := range realRemovers(t) {
		t.Run(name, func(t *testing.T) {
			w := newRemoveWorld(t)
			for _, c := range []removeCall{
				{folder: "go", args: []string{"-rf", ""}},
				{folder: "gopath", args: []string{"-rf", "."}},
				{folder: "go", args: []string{"-rf", "./"}},
				{args: []string{"-rf", "go/src/.."}},
				{folder: "go/src", args: []string{"-rf", ".."}},
				{folder: "go", args: []string{"-rf", "../go"}},
				{args: []string{"-rf", "--", "-held"}},
				{args: []string{"-rf", "./-held"}},
				{folder: "go", args: []string{"-rf", rootWord + "/go"}},
				{args: []string{"-rf", "link/"}},
				{args: []string{"-rf", "golink/../gopath"}},
				{args: []string{"-f", "gopath/pkg/mod"}},
				{args: []string{"-r", "--force", "lone/mod"}},
				{args: []string{"-rz", "lone"}},
				{args: []string{"-r", "go", "go/bin"}},
				{args: []string{"-rf", "go", "go/bin", "go/bin/go"}},
				{args: []string{"go", "-rf"}, posix: true},
				{args: []string{"-rf", "both"}},
				{args: []string{"-rf", "theirs/cache"}},
				{folder: "lone", args: []string{"-R", "../other/back//", "-R", rootWord + "/theirs"}},
			} {
				checkRemoval(t, w, c, real)
			}
		})
	}
}

func FuzzRemovals(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		reals := realRemovers(t)
		w, r := newRemoveWorld(t), rand.New(rand.NewPCG(seed, 0))
		for range 20 {
			c := randomRemoval(r)
			for _, name := range slices.Sorted(maps.Keys(reals)) {
				checkRemoval(t, w, c, reals[name])
			}
		}
	})
}
