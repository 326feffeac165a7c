package gobin

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
)

const (
	maxInterpreter = 4096 // PATH_MAX: what the kernel takes
	maxBuildIDNote = 4096
)

// Read reads the facts of the program r. Where r is no Go program that can be
// inspected, the error is a [*FormatError]; errors of r itself come wrapped. Bad
// input is always an error, never a panic.
func Read(r io.ReaderAt) (*Facts, error) {
	return inspect(r, readFacts)
}

// inspect reads something of an ELF file. What it panics at is malformed.
func inspect[T any](r io.ReaderAt, read func(*window, *elf.File) (T, error)) (found T, err error) {
	w := &window{r: r}
	defer func() {
		var none T
		if p := recover(); p != nil {
			found, err = none, malformed(fmt.Errorf("%v", p))
		}
		if err != nil && w.err != nil {
			found, err = none, fmt.Errorf("reading the program: %w", w.err)
		}
	}()
	if err := identify(w); err != nil {
		return found, err
	}
	f, err := elf.NewFile(w)
	if err != nil {
		return found, malformed(err)
	}
	return read(w, f)
}

func readFacts(w *window, f *elf.File) (*Facts, error) {
	if f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return nil, &FormatError{Kind: KindNotGo, Detail: fmt.Sprintf("its ELF type is %v", f.Type)}
	}
	facts := &Facts{
		BuildID:     buildID(f),
		Symtab:      f.SectionByType(elf.SHT_SYMTAB) != nil,
		Interpreter: programInterpreter(f),
	}
	var err error
	if facts.Info, err = buildInfo(w, f); err != nil {
		return nil, err
	}
	facts.GoVersion = facts.Info.GoVersion
	if err := facts.readUnits(w, f); err != nil {
		return nil, malformed(err)
	}
	facts.GOOS, facts.GOARCH = platform(f, facts.Info)
	return facts, nil
}

func malformed(err error) error {
	return &FormatError{Kind: KindMalformed, Err: err}
}

// buildInfo reads the build information, which every Go program since 1.13 has.
func buildInfo(w *window, f *elf.File) (*debug.BuildInfo, error) {
	info, err := buildinfo.Read(w)
	if err == nil {
		return info, nil
	}
	if isUPX(w, f) {
		return nil, &FormatError{Kind: KindNotGo, Detail: "it is packed by UPX"}
	}
	return nil, &FormatError{Kind: KindNotGo, Detail: "it has no Go build information"}
}

// isUPX recognises what upx leaves: no sections, and its magic in the loader's
// header behind the program headers (struct l_info in upx's src/stub/src/include/linux.h).
func isUPX(r io.ReaderAt, f *elf.File) bool {
	if len(f.Sections) > 1 {
		return false
	}
	head := make([]byte, 512)
	n, _ := r.ReadAt(head, 0)
	return bytes.Contains(head[:n], []byte("UPX!"))
}

// programInterpreter returns the path of the dynamic linker that the program asks for.
func programInterpreter(f *elf.File) string {
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP || p.Filesz > maxInterpreter {
			continue
		}
		path := make([]byte, p.Filesz)
		if _, err := p.ReadAt(path, 0); err != nil {
			return ""
		}
		name, _, _ := bytes.Cut(path, []byte{0})
		return string(name)
	}
	return ""
}

// buildID reads Go's build id from its note: name "Go", type 4
// (ELF_NOTE_GOBUILDID_TAG in cmd/link/internal/ld/elf.go).
func buildID(f *elf.File) string {
	s := f.Section(".note.go.buildid")
	if s == nil || s.Type == elf.SHT_NOBITS || s.FileSize > maxBuildIDNote {
		return ""
	}
	note, err := s.Data()
	if err != nil || len(note) < 16 {
		return ""
	}
	nameSize, size, kind := f.ByteOrder.Uint32(note), f.ByteOrder.Uint32(note[4:]), f.ByteOrder.Uint32(note[8:])
	if nameSize != 4 || kind != 4 || !bytes.Equal(note[12:16], []byte("Go\x00\x00")) || int64(size) > int64(len(note)-16) {
		return ""
	}
	return strings.TrimRight(string(note[16:16+size]), "\x00")
}

// setting returns a build setting, "" where it is absent.
func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
