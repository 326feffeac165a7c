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

// program is a service in a folder of its own, with a string in main.go that edits
// change.
type program struct {
	name   string
	dir    string
	marker string
	source string // main.go before the first edit
	edits  int
}

// hello is testdata/services/hello.
func hello(b *testing.B) *program {
	b.Helper()
	return newProgram(b, "hello", testenv.Service(b, "hello"), "shutting down")
}

// large is testdata/large with its generated packages: a program of the size of
// miniflux, which compiles 1,170 source files beside the standard library's.
func large(b *testing.B) *program {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "large")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "large"))); err != nil {
		b.Fatal(err)
	}
	generate(b, dir)
	return newProgram(b, "large", dir, "edition")
}

func newProgram(t testing.TB, name, dir, text string) *program {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(dir, "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	marker := `"` + text + `"`
	if !strings.Contains(string(source), marker) {
		t.Fatalf("main.go of %s has no string %s to edit", name, marker)
	}
	return &program{name: name, dir: dir, marker: marker, source: string(source)}
}

// edit gives the string in main.go a value that no build, also of an earlier run,
// has seen.
func (p *program) edit(t testing.TB) {
	t.Helper()
	p.edits++
	text := fmt.Sprintf(`"%s %d of %d"`, strings.Trim(p.marker, `"`), p.edits, time.Now().UnixNano())
	source := strings.Replace(p.source, p.marker, text, 1)
	if err := os.WriteFile(filepath.Join(p.dir, "main.go"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
}
