package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// program is a service in a folder of its own, with a piece of a source file that edits
// replace.
type program struct {
	name       string
	dir        string
	dockerfile string // relative to dir
	file       string // that is edited, relative to dir
	source     string // file before the first edit
	piece      string // is in source
	edited     string // the format of what replaces it, with the edit's own text for %s
	edits      int
}

// hello copies testdata/services/hello to a new folder below dir.
func hello(root, dir string) (*program, error) {
	return copied(root, dir, "hello", `"shutting down"`, `"shutting down %s"`)
}

// copied copies a service of testdata.
func copied(root, dir, name, piece, edited string) (*program, error) {
	dir = filepath.Join(dir, name)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "testdata", "services", name))); err != nil {
		return nil, fmt.Errorf("copying the service %s: %w", name, err)
	}
	return newProgram(name, dir, "main.go", piece, edited)
}

func newProgram(name, dir, file, piece, edited string) (*program, error) {
	source, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return nil, fmt.Errorf("reading the program %s: %w", name, err)
	}
	if !strings.Contains(string(source), piece) {
		return nil, fmt.Errorf("%s of %s has no %s to edit", file, name, piece)
	}
	return &program{name: name, dir: dir, dockerfile: "Dockerfile", file: file, source: string(source), piece: piece, edited: edited}, nil
}

// edit gives the file a text that no build, also of an earlier run, has seen.
func (p *program) edit() error {
	p.edits++
	edited := fmt.Sprintf(p.edited, fmt.Sprintf("%d of %d", p.edits, time.Now().UnixNano()))
	source := strings.Replace(p.source, p.piece, edited, 1)
	return os.WriteFile(filepath.Join(p.dir, p.file), []byte(source), 0o644)
}

// addFiles writes empty files that no step needs, in folders of 1,000, to the program's context.
func (p *program) addFiles(n int) error {
	for i := range n {
		dir := filepath.Join(p.dir, "files", fmt.Sprintf("%03d", i/1000))
		if i%1000 == 0 {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.txt", i%1000)), nil, 0o644); err != nil {
			return err
		}
	}
	return nil
}
