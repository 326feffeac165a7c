package corefile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io"
	"strings"
)

// Notes that debug/elf does not name.
const (
	noteFile     elf.NType = 0x46494c45 // NT_FILE: the files that were mapped
	noteGNUID    elf.NType = 3          // NT_GNU_BUILD_ID, of "GNU"
	noteGoID     elf.NType = 4          // ELF_NOTE_GOBUILDID_TAG, of "Go" (cmd/link/internal/ld/elf.go)
	headerSize             = 64         // of an ELF file of 64 bits
	programSize            = 56         // of one of its program headers
	maxNotes               = 64 << 20   // of all of one segment: those of a process with 100,000 threads are larger, and what is read comes first
	maxID                  = 1 << 10
	maxMappings            = 1 << 20
	mappingWords           = 3
)

// note is an entry of a PT_NOTE segment.
type note struct {
	name string
	kind elf.NType
	text []byte
}

// readNotes reads the notes of a segment, as far as they are whole.
func readNotes(r io.ReaderAt, size uint64) []note {
	text := make([]byte, min(size, maxNotes))
	n, _ := r.ReadAt(text, 0)
	text = text[:n]
	const head, align = 12, 4
	var notes []note
	for len(text) >= head {
		nameSize, textSize := uint64(binary.LittleEndian.Uint32(text)), uint64(binary.LittleEndian.Uint32(text[4:]))
		kind := elf.NType(binary.LittleEndian.Uint32(text[8:])) //nolint:gosec // as the file has it
		at := head + (nameSize+align-1)/align*align
		end := at + textSize
		if end > uint64(len(text)) {
			break
		}
		notes = append(notes, note{name: strings.TrimRight(string(text[head:head+nameSize]), "\x00"), kind: kind, text: text[at:end]})
		text = text[min((end+align-1)/align*align, uint64(len(text))):]
	}
	return notes
}

// mapping is a part of a file in the memory of the process.
type mapping struct {
	start uint64
	path  string
}

// readMappings reads NT_FILE: the count, the size of a page, three words for each mapping, then
// their paths, each with a zero byte at its end.
func readMappings(text []byte) (list []mapping) {
	const word = 8
	if len(text) < 2*word {
		return nil
	}
	count := binary.LittleEndian.Uint64(text)
	text = text[2*word:]
	if count > maxMappings || count*mappingWords*word > uint64(len(text)) {
		return nil
	}
	paths := text[count*mappingWords*word:]
	for i := range count {
		path, rest, ok := bytes.Cut(paths, []byte{0})
		if !ok {
			return list
		}
		list = append(list, mapping{start: binary.LittleEndian.Uint64(text[i*mappingWords*word:]), path: string(path)})
		paths = rest
	}
	return list
}

// buildIDs are those of the ELF file whose first page is in memory. The Go build id is empty
// where it is no Go program.
func buildIDs(memory io.ReaderAt, size uint64) (goID string, gnuID []byte) {
	head := make([]byte, headerSize)
	if _, err := memory.ReadAt(head, 0); err != nil || !bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		return "", nil
	}
	var header elf.Header64
	if _, err := binary.Decode(head, binary.LittleEndian, &header); err != nil || header.Phentsize != programSize {
		return "", nil
	}
	for i := range uint64(header.Phnum) {
		at := header.Phoff + i*programSize
		text := make([]byte, programSize)
		if at > size-min(size, programSize) {
			break
		}
		if _, err := memory.ReadAt(text, int64(at)); err != nil { //nolint:gosec // below the size
			break
		}
		var p elf.Prog64
		if _, err := binary.Decode(text, binary.LittleEndian, &p); err != nil || elf.ProgType(p.Type) != elf.PT_NOTE {
			continue
		}
		// The first page of the file is mapped as it is.
		if p.Off >= size || p.Filesz > size-p.Off {
			continue
		}
		for _, n := range readNotes(io.NewSectionReader(memory, int64(p.Off), int64(p.Filesz)), p.Filesz) { //nolint:gosec // below the size
			switch {
			case len(n.text) > maxID:
			case n.name == "Go" && n.kind == noteGoID:
				goID = strings.TrimRight(string(n.text), "\x00")
			case n.name == "GNU" && n.kind == noteGNUID:
				gnuID = n.text
			}
		}
	}
	return goID, gnuID
}
