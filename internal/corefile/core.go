// Package corefile reads which program a core dump of Linux is of. A core may be anybody's:
// nothing in it is followed, and no size in it is believed.
package corefile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
)

// Core is what a core dump says of its process.
type Core struct {
	// Platform is that of the process, "linux/amd64".
	Platform string `json:"platform"`

	// PID is the process id in its own namespace, and Signal the number of the signal that
	// ended it; 0 where the core does not say so.
	PID    int `json:"pid,omitempty"`
	Signal int `json:"signal,omitempty"`

	// Program is the path of the program, as its container had it, or its name alone; empty
	// where the core does not say so.
	Program string `json:"program,omitempty"`

	// GoBuildID and GNUBuildID are those of the program. Both are empty where the core does
	// not have the first page of the program.
	GoBuildID  string `json:"goBuildID,omitempty"`
	GNUBuildID string `json:"gnuBuildID,omitempty"`
}

// String is the process on one line.
func (c *Core) String() string {
	text := c.Program
	if text == "" {
		text = "an unknown program"
	}
	if c.PID != 0 {
		text += fmt.Sprintf(", process %d", c.PID)
	}
	if c.Signal != 0 {
		text += fmt.Sprintf(", ended by signal %d (%s)", c.Signal, syscall.Signal(c.Signal))
	}
	return text + ", " + c.Platform
}

// ErrNoCore says that a file is no core dump.
var ErrNoCore = errors.New("it is not a core dump of Linux")

// platforms are those of the programs that Delve reads the cores of.
var platforms = map[elf.Machine]string{elf.EM_X86_64: "linux/amd64", elf.EM_AARCH64: "linux/arm64"}

// packed are the first bytes of compressed files, and what unpacks them.
var packed = []struct{ magic, command string }{
	{"\x28\xb5\x2f\xfd", "zstd -d"}, {"\x1f\x8b", "gzip -d"}, {"\xfd7zXZ\x00", "xz -d"}, {"\x04\x22\x4d\x18", "lz4 -d"}, {"BZh", "bzip2 -d"},
}

// Read reads a core dump. A file that is none is an error that wraps [ErrNoCore].
func Read(r io.ReaderAt) (*Core, error) {
	head := make([]byte, 8)
	if n, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	} else if n == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrNoCore)
	}
	for _, p := range packed {
		if bytes.HasPrefix(head, []byte(p.magic)) {
			return nil, fmt.Errorf("%w: it is compressed: unpack it with `%s`", ErrNoCore, p.command)
		}
	}
	switch begins := bytes.TrimRight(head, "\x00"); {
	case len(begins) == 0:
		return nil, fmt.Errorf("%w: it begins with zero bytes", ErrNoCore)
	case !bytes.HasPrefix(head, []byte(elf.ELFMAG)):
		return nil, fmt.Errorf("%w: it begins with %q", ErrNoCore, begins)
	}
	file, err := elf.NewFile(r)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%w: it is cut off in its header", ErrNoCore)
	case err != nil:
		return nil, fmt.Errorf("%w: %v", ErrNoCore, err) //nolint:errorlint // one to compare with
	}
	if file.Type != elf.ET_CORE {
		return nil, fmt.Errorf("%w: it is an ELF file of type %s", ErrNoCore, strings.TrimPrefix(file.Type.String(), "ET_"))
	}
	c := &Core{Platform: platforms[file.Machine]}
	if c.Platform == "" || file.Class != elf.ELFCLASS64 || file.ByteOrder != binary.LittleEndian {
		return nil, fmt.Errorf("it is the core of a process on %s: Delve reads those of amd64 and arm64", strings.TrimPrefix(file.Machine.String(), "EM_"))
	}
	mapped := c.readNotes(file)
	c.findProgram(file, mapped)
	return c, nil
}

// readNotes reads what the kernel notes of the process, and returns what files were mapped.
// (fs/binfmt_elf.c; include/linux/elfcore.h for the layouts.)
func (c *Core) readNotes(file *elf.File) (mapped []mapping) {
	const (
		signalAt, statusPID = 12, 32 // in struct elf_prstatus
		nameAt, nameSize    = 40, 16 // in struct elf_prpsinfo
	)
	for _, segment := range file.Progs {
		if segment.Type != elf.PT_NOTE {
			continue
		}
		for _, n := range readNotes(segment, segment.Filesz) {
			switch {
			case n.name != "CORE":
			case n.kind == elf.NT_PRSTATUS && c.PID == 0 && len(n.text) >= statusPID+4: // the first thread is the one that ended the process
				c.Signal = int(binary.LittleEndian.Uint16(n.text[signalAt:]))
				c.PID = int(int32(binary.LittleEndian.Uint32(n.text[statusPID:]))) //nolint:gosec // a pid_t
			case n.kind == elf.NT_PRPSINFO && len(n.text) >= nameAt+nameSize:
				name, _, _ := bytes.Cut(n.text[nameAt:nameAt+nameSize], []byte{0})
				c.Program = string(name)
			case n.kind == noteFile:
				mapped = readMappings(n.text)
			}
		}
	}
	return mapped
}

// findProgram looks for the mapped file that is a Go program. A core has the first page of each
// mapped ELF file (core(5), bit 4 of coredump_filter, which is set by default).
func (c *Core) findProgram(file *elf.File, mapped []mapping) {
	for _, segment := range file.Progs {
		if segment.Type != elf.PT_LOAD || segment.Filesz < headerSize {
			continue
		}
		goID, gnuID := buildIDs(segment, segment.Filesz)
		if goID == "" {
			continue
		}
		c.GoBuildID, c.GNUBuildID = goID, hex.EncodeToString(gnuID)
		for _, m := range mapped {
			if m.start == segment.Vaddr {
				c.Program = strings.TrimSuffix(m.path, " (deleted)")
			}
		}
		return
	}
}
