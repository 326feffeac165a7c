package shim

import (
	"debug/elf"
	"fmt"
)

// buildIDSection is the ELF note that holds Go's build id.
const buildIDSection = ".note.go.buildid"

// readBuildID returns Go's build id of an ELF file, as `go tool buildid` prints
// it. It is empty for files without one: other formats, -ldflags=-buildid=.
func readBuildID(path string) (string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading the build id of %s: %w", path, err)
	}
	defer f.Close()
	section := f.Section(buildIDSection)
	if section == nil {
		return "", nil
	}
	note, err := section.Data()
	if err != nil {
		return "", fmt.Errorf("reading the build id of %s: %w", path, err)
	}
	return parseBuildID(f, note), nil
}

// parseBuildID reads a note: the sizes of name and description, a type, the name
// "Go\0\0", the description.
func parseBuildID(f *elf.File, note []byte) string {
	const header = 16
	if len(note) < header || string(note[12:header]) != "Go\x00\x00" {
		return ""
	}
	size := uint64(f.ByteOrder.Uint32(note[4:8]))
	if size > uint64(len(note)-header) {
		return ""
	}
	return string(note[header : header+size])
}
