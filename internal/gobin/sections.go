package gobin

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
)

// mapped are the sections of a Go program that decide whether debug information
// describes it: its code, and the data that the code's tables point into, by the
// names that Go's linker gives them (cmd/link/internal/ld/data.go, with the prefix
// .data.rel.ro in position-independent programs).
var mapped = []string{
	".text", ".plt", ".rodata", ".typelink", ".itablink", ".gopclntab", ".go.module", ".go.func",
	".data", ".noptrdata", ".data.rel.ro", ".data.rel.ro.typelink", ".data.rel.ro.itablink", ".data.rel.ro.gopclntab",
}

// SectionError says which section differs between symbols and a program.
type SectionError struct {
	// Name is the section's: ".text".
	Name string

	// Missing is set where the program has no such section, Added where the symbols
	// have none.
	Missing, Added bool
}

func (e *SectionError) Error() string {
	switch {
	case e.Missing:
		return fmt.Sprintf("it has no section %s", e.Name)
	case e.Added:
		return fmt.Sprintf("its section %s is not in the symbols", e.Name)
	}
	return fmt.Sprintf("its section %s differs", e.Name)
}

// Sections returns the SHA-256, in hex, of each section of a program that must be
// the same in its symbols. A program without .text is an error.
func Sections(r io.ReaderAt) (sums map[string]string, err error) {
	defer func() {
		if p := recover(); p != nil {
			sums, err = nil, malformed(fmt.Errorf("%v", p))
		}
	}()
	f, err := elf.NewFile(r)
	if err != nil {
		return nil, malformed(err)
	}
	sums = map[string]string{}
	for _, s := range f.Sections {
		if !slices.Contains(mapped, s.Name) || s.Type == elf.SHT_NOBITS {
			continue
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, io.NewSectionReader(r, int64(s.Offset), int64(s.FileSize))); err != nil {
			return nil, fmt.Errorf("reading the section %s: %w", s.Name, err)
		}
		sums[s.Name] = hex.EncodeToString(sum.Sum(nil))
	}
	if sums[".text"] == "" {
		return nil, &FormatError{Kind: KindNotGo, Detail: "it has no section .text"}
	}
	return sums, nil
}

// Compare reports the first section, by name, in which a program differs from its
// symbols, as a [*SectionError].
func Compare(symbols, program map[string]string) error {
	for _, name := range mapped {
		ours, theirs := symbols[name], program[name]
		if ours != theirs {
			return &SectionError{Name: name, Missing: theirs == "", Added: ours == ""}
		}
	}
	return nil
}
