package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// program is a service in a folder of its own, with a piece of main.go that edits
// replace.
type program struct {
	name       string
	dir        string
	dockerfile string // relative to dir
	source     string // main.go before the first edit
	piece      string // is in source
	edited     string // the format of what replaces it, with the edit's own text for %s
	edits      int
}

// hello is testdata/services/hello.
func hello(t testing.TB) *program {
	t.Helper()
	return newProgram(t, "hello", testenv.Service(t, "hello"), `"shutting down"`, `"shutting down %s"`)
}

// large is testdata/large with its generated packages: a program that compiles some
// 1,150 source files beside the standard library's.
func large(b *testing.B) *program {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "large")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "large"))); err != nil {
		b.Fatal(err)
	}
	generate(b, dir)
	return newProgram(b, "large", dir, `"edition"`, `"edition %s"`)
}

func newProgram(t testing.TB, name, dir, piece, edited string) *program {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(dir, "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(source), piece) {
		t.Fatalf("main.go of %s has no %s to edit", name, piece)
	}
	return &program{name: name, dir: dir, dockerfile: "Dockerfile", source: string(source), piece: piece, edited: edited}
}

// edit gives main.go a text that no build, also of an earlier run, has seen.
func (p *program) edit(t testing.TB) {
	t.Helper()
	p.edits++
	edited := fmt.Sprintf(p.edited, fmt.Sprintf("%d of %d", p.edits, time.Now().UnixNano()))
	source := strings.Replace(p.source, p.piece, edited, 1)
	if err := os.WriteFile(filepath.Join(p.dir, "main.go"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
}
