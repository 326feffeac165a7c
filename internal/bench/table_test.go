package bench

import (
	"bytes"
	"errors"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

func TestTheTableIsWellFormed(t *testing.T) {
	groupNames := map[string]bool{}
	for _, g := range groups {
		if groupNames[g.name] || g.set == nil || g.title == "" || len(g.rows) == 0 {
			t.Errorf("the group %q is there twice, or lacks a title, a set-up or rows", g.name)
		}
		groupNames[g.name] = true
		used := map[string]bool{}
		for _, r := range g.rows {
			if w, ok := g.way(r.way); !ok || w.run == nil || w.label == "" {
				t.Errorf("%s: the row %q measures %q, which has no label or does not run", g.name, r.what, r.way)
			}
			if _, ok := g.way(r.against); !ok && (r.against != "" || r.reach.ratio != 0 || r.reach.plus != 0) {
				t.Errorf("%s: the row %q is compared with %q, which is no way", g.name, r.what, r.against)
			}
			if r.figure.of == nil || r.what == "" {
				t.Errorf("%s: a row of %q lacks its figure or its text", g.name, r.way)
			}
			used[r.way], used[r.against] = true, true
		}
		for i, w := range g.ways {
			if !used[w.name] {
				t.Errorf("%s: no row needs %q", g.name, w.name)
			}
			if first, _ := g.way(w.name); first.label != g.ways[i].label {
				t.Errorf("%s: two ways are named %q", g.name, w.name)
			}
		}
	}
}

func TestEveryEditIsNew(t *testing.T) {
	root, err := testenv.RepoRoot()
	if err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func(dir string) (*program, error){
		"hello":   func(dir string) (*program, error) { return hello(root, dir) },
		"wide":    func(dir string) (*program, error) { return wide(dir, "main.go") },
		"imports": func(dir string) (*program, error) { return wide(dir, "base/base.go") },
	} {
		t.Run(name, func(t *testing.T) {
			p, err := make(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(p.dir, p.dockerfile)); err != nil {
				t.Error(err)
			}
			seen := map[string]bool{p.source: true}
			for range 3 {
				if err := p.edit(); err != nil {
					t.Fatal(err)
				}
				text, err := os.ReadFile(filepath.Join(p.dir, p.file))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := parser.ParseFile(token.NewFileSet(), p.file, text, 0); err != nil {
					t.Error(err)
				}
				if seen[string(text)] {
					t.Errorf("an edit is not new:\n%s", text)
				}
				seen[string(text)] = true
			}
		})
	}
}

func TestInstrumentIsMeasuredWithStepsThatCompile(t *testing.T) {
	b, err := setInstrument(30, 300)(proctest.Context(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for ops, def := range b.definitions {
		if n := len(def.Def) - 1; n != ops { // the last one names the result
			t.Errorf("%d ops, want %d", n, ops)
		}
		s, err := instrumented(ops)(proctest.Context(t), b)
		if err != nil || s.took <= 0 || s.ops != ops {
			t.Errorf("got %+v and %v", s, err)
		}
	}
}

func TestAWayThatFailsTakesItsRowsAlone(t *testing.T) {
	var said bytes.Buffer
	l := &lab{progress: &said}
	g := groups[0]
	outcomes := map[string]*outcome{}
	for i, w := range g.ways {
		outcomes[w.name] = &outcome{samples: []sample{{took: time.Second * time.Duration(i+1)}, {took: time.Minute}}}
	}
	outcomes["ko"].err = os.ErrDeadlineExceeded
	r := &Report{}
	r.Groups = append(r.Groups, Result{Name: g.name, Title: g.title})
	for _, row := range g.rows {
		r.Groups[0].Lines = append(r.Groups[0].Lines, g.line(row, outcomes))
	}
	if n := r.Failures(); n != 1 {
		t.Errorf("%d rows failed, want 1:\n%s", n, r.Text())
	}
	for text, want := range map[string]string{
		r.Text():     `(?m)^  edit to pushed image, remote +2\.00 s +2\.00 s +60\.0 s +bare go build +1\.00 s +2\.00 × +≤ 1\.9 × +no$`,
		r.Markdown(): "(?m)^\\| edit to pushed image, `remote` \\| 2\\.00 s \\| bare `go build` \\| 1\\.00 s \\| 2\\.00 × \\| ≤ 1\\.9 × \\|$",
		r.Short():    "(?m)^\\| edit to pushed image, `remote` \\| 2\\.00 s \\| bare `go build` \\| 1\\.00 s \\| 2\\.00 × \\|$",
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("not found: %s\n%s", want, text)
		}
	}
	if err := r.WriteDocs(t.TempDir()); err == nil || !strings.Contains(err.Error(), "1 rows failed") {
		t.Errorf("got %v, want that the report is not whole", err)
	}
	l.once(proctest.Context(t), g, g.ways[0], nil, outcomes["ko"], "later")
	if said.Len() > 0 {
		t.Errorf("a way that had failed ran again: %s", said.String())
	}
}

func TestAFailureBeginsWithWhatTheCommandSaid(t *testing.T) {
	for printed, want := range map[string]string{
		"#1 a step\ndlvgen: no space left\n-----\n>>> RUN x\n-----\n": "dlvgen: exit status 1: no space left\n",
		"one\ntwo\n": "dlvgen: exit status 1: two\n",
		"":           "dlvgen: exit status 1: \n",
	} {
		err := failed(exec.Command("/bin/dlvgen", "build"), errors.New("exit status 1"), []byte(printed))
		if !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: the error is %q, want it to begin with %q", printed, err, want)
		}
	}
	if err := failed(exec.Command("/bin/dlvgen"), nil, nil); err != nil {
		t.Error(err)
	}
}

func TestTheDocumentationHasTheSections(t *testing.T) {
	root, err := testenv.RepoRoot()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"README.md", filepath.Join("docs", "performance.md")} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := writeSource(filepath.Join(dir, name), string(text)); err != nil {
			t.Fatal(err)
		}
	}
	r := &Report{All: true, Machine: Machine{CPU: "a processor of the test"}, Groups: []Result{{Title: "x", Steps: []Steps{{Title: "steps of the test"}}}}}
	for range 2 {
		if err := r.WriteDocs(dir); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"README.md": "a processor of the test", "docs/performance.md": "steps of the test"} {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), want); n != 1 {
			t.Errorf("%s has %q %d times, want once", name, want, n)
		}
	}
}
