package gobin

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
)

// initialValues is the section of the variables without pointers. Programs without a
// .go.module have the runtime's own table of where the other sections begin in it.
const initialValues = ".noptrdata"

// mapped are the sections that decide whether debug information describes a
// program: its code, the constants and tables that belong to the code, and its
// variables as they were linked. The names are those of Go's linker
// (cmd/link/internal/ld, dodata and doelf), which puts the constants of
// position-independent programs into .data.rel.ro.
//
// Whether -s and -w are given to the linker changes none of them, nor does
// -trimpath at the same link: all are equal for Go 1.24 and 1.26, with and without
// PIE and the host's linker; for older linkers see movedTables. The build id's
// note and .shstrtab always differ, .go.buildinfo and .bss describe nothing.
var mapped = []string{
	".text", ".plt", ".rodata", ".typelink", ".itablink", ".gopclntab",
	".data.rel.ro", ".data.rel.ro.typelink", ".data.rel.ro.itablink", ".data.rel.ro.gopclntab",
	".data", ".go.module", initialValues,
}

// SectionError says which section of a program differs from that of symbols.
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

// Sections returns the SHA-256, in hex, of each section of an ELF program that must
// be the same in its symbols. It reads all of them. A file that is not ELF, is
// damaged or has no .text, as after upx, is a [*FormatError]; errors of r come wrapped.
func Sections(r io.ReaderAt) (map[string]string, error) {
	return inspect(r, sections)
}

func sections(w *window, f *elf.File) (map[string]string, error) {
	// The linker may divide the code into several sections of one name.
	hashes := map[string]hash.Hash{}
	for _, s := range f.Sections {
		if !slices.Contains(mapped, s.Name) || s.Type == elf.SHT_NOBITS {
			continue
		}
		if hashes[s.Name] == nil {
			hashes[s.Name] = sha256.New()
		}
		if err := addSection(hashes[s.Name], w, s); err != nil {
			return nil, err
		}
	}
	if hashes[".text"] == nil {
		return nil, &FormatError{Kind: KindNotGo, Detail: "it has no section .text"}
	}
	if movedTables(f) {
		delete(hashes, initialValues)
	}
	sums := map[string]string{}
	for name, h := range hashes {
		sums[name] = hex.EncodeToString(h.Sum(nil))
	}
	return sums, nil
}

// addSection adds the bytes of a section as they are in the file.
func addSection(sum io.Writer, w *window, s *elf.Section) error {
	w.readAhead(s.Offset, s.FileSize)
	n, err := io.Copy(sum, io.NewSectionReader(w, int64(s.Offset), int64(s.FileSize)))
	if err != nil || uint64(n) != s.FileSize {
		return malformed(fmt.Errorf("reading section %s: %d of %d bytes", s.Name, n, s.FileSize))
	}
	return nil
}

// movedTables tells whether the names of the sections lie amid what is loaded, where
// Go's linker puts them up to Go 1.21. The names of debug sections then push the
// tables behind them to other addresses, which initialValues holds. Code refers to no
// such table, so the debug information stays true. Where the tables reach one page
// further, however, so do the variables, and .text differs.
func movedTables(f *elf.File) bool {
	names := f.Section(".shstrtab")
	return names != nil && slices.ContainsFunc(f.Sections, func(s *elf.Section) bool {
		return s.Flags&elf.SHF_ALLOC != 0 && s.Type == elf.SHT_PROGBITS && s.Offset > names.Offset
	})
}

// Compare reports the first section in which a program differs from its symbols, as
// a [*SectionError]: of code before data. Both are the result of Sections.
func Compare(symbols, program map[string]string) error {
	for _, name := range mapped {
		ours, theirs := symbols[name], program[name]
		// Where strip has written a file anew, its names stand at the end.
		if name == initialValues && (ours == "" || theirs == "") {
			continue
		}
		if ours != theirs {
			return &SectionError{Name: name, Missing: theirs == "", Added: ours == ""}
		}
	}
	return nil
}
