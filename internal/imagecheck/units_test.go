package imagecheck

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// programWith is an ELF file that has sections only, by name and content.
func programWith(t *testing.T, sections ...[2]string) string {
	t.Helper()
	const header, entry = 64, 64
	names, body, table := []byte{0}, []byte{}, []byte(strings.Repeat("\x00", entry))
	add := func(name, content string, kind uint32) {
		row := make([]byte, entry)
		binary.LittleEndian.PutUint32(row, uint32(len(names)))
		names = append(names, name+"\x00"...)
		if kind == 3 {
			content = string(names)
		}
		binary.LittleEndian.PutUint32(row[4:], kind)
		binary.LittleEndian.PutUint64(row[24:], uint64(header+len(body)))
		binary.LittleEndian.PutUint64(row[32:], uint64(len(content)))
		body, table = append(body, content...), append(table, row...)
	}
	for _, s := range sections {
		add(s[0], s[1], 1)
	}
	add(".shstrtab", "", 3)
	head := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, header-7)...)
	for at, value := range map[int]uint16{16: 2, 18: 62, 20: 1, 52: header, 58: entry, 60: uint16(len(sections) + 2), 62: uint16(len(sections) + 1)} {
		binary.LittleEndian.PutUint16(head[at:], value)
	}
	binary.LittleEndian.PutUint64(head[40:], uint64(header+len(body)))
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, bytes.Join([][]byte{head, body, table}, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestTablesWithinEachOtherAreNotRead has units whose tables of abbreviations, or of lines, all
// go to the end of their section.
func TestTablesWithinEachOtherAreNotRead(t *testing.T) {
	const stmtList, secOffset = "\x10", "\x17"
	const abbrev = "\x01\x11\x00" + stmtList + secOffset + "\x00\x00"
	unit := func(abbrevs, lines byte) string {
		return "\x0c\x00\x00\x00\x04\x00" + string([]byte{abbrevs, 0, 0, 0}) + "\x08\x01" + string([]byte{lines, 0, 0, 0})
	}
	// A header of version 4 without files.
	lines := func(rest string) string {
		const header = "\x01\x01\x01\xfb\x0e\x01\x00\x00"
		return string([]byte{byte(2 + 4 + len(header) + len(rest)), 0, 0, 0, 4, 0, byte(len(header)), 0, 0, 0}) + header + rest
	}
	one := lines("")
	// A header of version 5, with a folder and so many files, named by offsets of four bytes.
	names := func(files string) string {
		rest := "\x05\x00\x08\x00\x16\x00\x00\x00\x01\x01\x01\xfb\x0e\x01" + "\x01\x01\x1f\x01\x00\x00\x00\x00" + "\x01\x01\x1f" + files
		return string([]byte{byte(len(rest)), 0, 0, 0}) + rest
	}
	text := [2]string{".debug_line_str", "a\x00"}
	files := func(files string) [][2]string {
		return [][2]string{{".debug_abbrev", abbrev + "\x00"}, {".debug_info", unit(0, 0)}, {".debug_line", names(files)}, text}
	}
	for name, tc := range map[string]struct {
		sections [][2]string
		want     error
	}{
		"two units":     {[][2]string{{".debug_abbrev", abbrev + "\x00"}, {".debug_info", unit(0, 0) + unit(0, byte(len(one)))}, {".debug_line", one + one}}, nil},
		"one table":     {[][2]string{{".debug_abbrev", abbrev + "\x00"}, {".debug_info", unit(0, 0) + unit(0, 0)}, {".debug_line", one}}, nil},
		"abbreviations": {[][2]string{{".debug_abbrev", abbrev + abbrev + "\x00"}, {".debug_info", unit(0, 0) + unit(byte(len(abbrev)), 0)}, {".debug_line", one}}, errRepeated},
		"lines":         {[][2]string{{".debug_abbrev", abbrev + "\x00"}, {".debug_info", unit(0, 0) + unit(0, 18)}, {".debug_line", lines(one)}}, errRepeated},
		"a file":        {files("\x01\x00\x00\x00\x00"), nil},
		"many files":    {files("\xff\xff\xff\xff\xff\x01\x00\x00\x00\x00"), errMalformed},
		"two sections":  {[][2]string{{".debug_abbrev", abbrev + "\x00"}, {".debug_info", unit(0, 0)}, {".debug_line", one}, {".debug_line", one}}, errMalformed},
		"a short unit":  {[][2]string{{".debug_abbrev", abbrev + "\x00"}, {".debug_info", "\xff\x00\x00\x00"}}, errMalformed},
	} {
		if _, err := readDebugInfo(programWith(t, tc.sections...), func(string) bool { return true }); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}
