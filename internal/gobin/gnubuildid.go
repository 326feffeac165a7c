package gobin

import (
	"debug/elf"
	"io"
)

// GNUBuildID is the build id by which gdb, perf, debuginfod and Delve find the debug
// information of a program: the note NT_GNU_BUILD_ID.
type GNUBuildID struct {
	// ID is nil where the program has none: Go's linker writes one since Go 1.24, unless it
	// was told -B none, and the host's linker where its compiler is made so.
	ID []byte

	// Offset is where it is in the file.
	Offset int64
}

const (
	noteGNUBuildID = 3         // NT_GNU_BUILD_ID in elf.h
	noteHeader     = 12        // the sizes of name and description, the type
	noteName       = "GNU\x00" // with its size of 4
	maxGNUBuildID  = 64
)

// ReadGNUBuildID reads it from the section that Delve reads too. A file that is not ELF is a
// [*FormatError]; errors of r come wrapped.
func ReadGNUBuildID(r io.ReaderAt) (GNUBuildID, error) {
	return inspect(r, gnuBuildID)
}

func gnuBuildID(_ *window, f *elf.File) (GNUBuildID, error) {
	s := f.Section(".note.gnu.build-id")
	if s == nil || s.Type != elf.SHT_NOTE || s.FileSize > maxBuildIDNote {
		return GNUBuildID{}, nil
	}
	note, err := s.Data()
	if err != nil {
		return GNUBuildID{}, malformed(err)
	}
	const header = noteHeader + len(noteName)
	if len(note) < header {
		return GNUBuildID{}, nil
	}
	nameSize, size, kind := f.ByteOrder.Uint32(note), f.ByteOrder.Uint32(note[4:]), f.ByteOrder.Uint32(note[8:])
	if int(nameSize) != len(noteName) || kind != noteGNUBuildID || string(note[noteHeader:header]) != noteName ||
		size < 2 || size > maxGNUBuildID || int(size) > len(note)-header {
		return GNUBuildID{}, nil
	}
	return GNUBuildID{ID: note[header : header+int(size)], Offset: int64(s.Offset) + int64(header)}, nil
}
