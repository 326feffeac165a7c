package sidecar

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// textAtOnce is how much of a program's text is compared at once.
const textAtOnce = 1 << 20

// breakpoint is the instruction that Delve writes into a program's text (1.27.2, pkg/proc,
// amd64_arch.go and arm64_arch.go).
func breakpoint() []byte {
	if runtime.GOARCH == "arm64" {
		return []byte{0, 0, 0x20, 0xd4}
	}
	return []byte{0xcc}
}

// restoreText writes a program's text back where it has breakpoints that its file does not: a
// debugger that is killed leaves them there, and the program would die at the next one.
func restoreText(pid int) error {
	exe, err := elf.Open(file(pid))
	if err != nil {
		return fmt.Errorf("removing breakpoints: %w", err)
	}
	defer func() { _ = exe.Close() }()
	base, err := loadedAt(pid, exe)
	if err != nil {
		return fmt.Errorf("removing breakpoints: %w", err)
	}
	memory, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("removing breakpoints: %w", err)
	}
	defer func() { _ = memory.Close() }()
	for _, segment := range exe.Progs {
		if segment.Type != elf.PT_LOAD || segment.Flags&elf.PF_X == 0 {
			continue
		}
		at := io.NewOffsetWriter(memory, int64(base+segment.Vaddr))                                                                          //nolint:gosec // addresses of user space
		if err := restore(segment.ReaderAt, io.NewSectionReader(memory, int64(base+segment.Vaddr), int64(segment.Filesz)), at); err != nil { //nolint:gosec // as above
			return fmt.Errorf("removing breakpoints: %w", err)
		}
	}
	return nil
}

// loadedAt is what is added to the addresses of a program's file.
func loadedAt(pid int, exe *elf.File) (uint64, error) {
	if exe.Type != elf.ET_DYN {
		return 0, nil
	}
	const atPHDR = 3 // AT_PHDR (linux/auxvec.h): where the program headers are
	vector, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", pid))
	if err != nil {
		return 0, err
	}
	var headers uint64
	for ; len(vector) >= 16; vector = vector[16:] {
		if binary.NativeEndian.Uint64(vector) == atPHDR {
			headers = binary.NativeEndian.Uint64(vector[8:])
		}
	}
	for _, segment := range exe.Progs {
		if segment.Type == elf.PT_PHDR && headers != 0 {
			return headers - segment.Vaddr, nil
		}
	}
	return 0, errors.New("it is not known where the program is loaded")
}

// restore writes what the file has where memory has a breakpoint.
func restore(file io.ReaderAt, memory *io.SectionReader, to io.WriterAt) error {
	want, got, stop := make([]byte, textAtOnce), make([]byte, textAtOnce), breakpoint()
	for offset := int64(0); offset < memory.Size(); offset += textAtOnce {
		n := min(textAtOnce, memory.Size()-offset)
		want, got := want[:n], got[:n]
		if _, err := file.ReadAt(want, offset); err != nil {
			return err
		}
		if _, err := memory.ReadAt(got, offset); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if bytes.Equal(want, got) {
			continue
		}
		for i := 0; i+len(stop) <= len(want); i += len(stop) {
			should, is := want[i:i+len(stop)], got[i:i+len(stop)]
			if !bytes.Equal(is, stop) || bytes.Equal(is, should) {
				continue
			}
			if _, err := to.WriteAt(should, offset+int64(i)); err != nil {
				return err
			}
		}
	}
	return nil
}
