package sidecar

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"

	"github.com/dlvgen/dlvgen/internal/gobin"
)

// describes says why no debug information describes a process: its own, or the plan's
// symbols, which Delve finds by its settings. That of another build would show wrong
// lines and values.
func (p plan) describes(t process) error {
	if t.program.DWARF {
		return nil
	}
	if p.Symbols == nil {
		return fmt.Errorf("%s cannot be debugged: %w; this image has no symbols for it", t, gobin.ErrNoDWARF)
	}
	sums, err := gobin.FileSections(file(t.pid))
	if err != nil {
		return fmt.Errorf("comparing %s with the symbols: %w", t, err)
	}
	err = gobin.Compare(p.Symbols.Sections, sums)
	var differs *gobin.SectionError
	if errors.As(err, &differs) {
		return p.mismatch(t, differs)
	}
	if err != nil {
		return err
	}
	// Delve would go on without them, and show no variables.
	f, err := os.Open(p.Symbols.File)
	if err != nil {
		return fmt.Errorf("reading the symbols of %s as user %d: %w: build the image again", t, os.Geteuid(), err)
	}
	return f.Close()
}

// mismatch says that a process runs another build than the symbols are of.
func (p plan) mismatch(t process, differs *gobin.SectionError) error {
	return fmt.Errorf("%s is not the build that this image's symbols are for: %w (%d bytes, %d in the symbols; its build id is %q, that of the symbols %q): use the sidecar of its own build",
		t, differs, sectionSize(file(t.pid), differs.Name), sectionSize(p.Symbols.File, differs.Name), t.program.BuildID, p.Symbols.BuildID)
}

// sectionSize is the size of a section for a message, 0 if there is none.
func sectionSize(name, section string) uint64 {
	f, err := elf.Open(name)
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	if s := f.Section(section); s != nil {
		return s.Size
	}
	return 0
}
