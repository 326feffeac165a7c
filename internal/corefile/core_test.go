package corefile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// made is what a core dump is made of.
type made struct {
	machine elf.Machine
	class   elf.Type
	notes   []note
	memory  []byte // at address
}

const address = 0x400000

// encode lays values out as the kernel does.
func encode(values ...any) []byte {
	var b bytes.Buffer
	for _, v := range values {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

func padded(text []byte) []byte { return append(text, make([]byte, -len(text)&3)...) }

// notesOf is a PT_NOTE segment.
func notesOf(notes []note) (text []byte) {
	for _, n := range notes {
		name := n.name + "\x00"
		text = append(text, encode(uint32(len(name)), uint32(len(n.text)), uint32(n.kind))...)
		text = append(append(text, padded([]byte(name))...), padded(bytes.Clone(n.text))...)
	}
	return text
}

// file is an ELF file with segments behind its headers.
func file(kind elf.Type, machine elf.Machine, segments ...elf.Prog64) []byte {
	header := elf.Header64{Type: uint16(kind), Machine: uint16(machine), Version: 1, Phoff: headerSize, Ehsize: headerSize, Phentsize: programSize, Phnum: uint16(len(segments)), Shentsize: 64}
	copy(header.Ident[:], elf.ELFMAG+"\x02\x01\x01")
	text := encode(header)
	for _, s := range segments {
		text = append(text, encode(s)...)
	}
	return text
}

// program is the first page of a Go program with its build ids.
func program(notes ...note) []byte {
	text := notesOf(notes)
	const at = headerSize + programSize
	return append(file(elf.ET_EXEC, elf.EM_X86_64, elf.Prog64{Type: uint32(elf.PT_NOTE), Off: at, Filesz: uint64(len(text))}), text...)
}

func (m made) bytes() []byte {
	notes := notesOf(m.notes)
	const at = headerSize + 2*programSize
	text := file(m.class, m.machine,
		elf.Prog64{Type: uint32(elf.PT_NOTE), Off: at, Filesz: uint64(len(notes))},
		elf.Prog64{Type: uint32(elf.PT_LOAD), Off: at + uint64(len(notes)), Vaddr: address, Filesz: uint64(len(m.memory)), Memsz: uint64(len(m.memory))})
	return append(append(text, notes...), m.memory...)
}

// crash is that of process 7 by signal 11 in /app/server.
func crash() made {
	status := make([]byte, 336)
	binary.LittleEndian.PutUint16(status[12:], 11)
	binary.LittleEndian.PutUint32(status[32:], 7)
	info := make([]byte, 136)
	copy(info[40:], "server")
	path := "/app/server"
	mapped := append(encode(uint64(2), uint64(4096), uint64(1), uint64(2), uint64(0), uint64(address), uint64(address+4096), uint64(0)), "/lib/other\x00"+path+"\x00"...)
	return made{
		machine: elf.EM_X86_64, class: elf.ET_CORE,
		notes: []note{
			{"CORE", elf.NT_PRSTATUS, status}, {"CORE", elf.NT_PRPSINFO, info}, {"LINUX", 0x202, []byte("not the kernel's CORE")}, {"CORE", noteFile, mapped},
		},
		memory: program(note{"Go\x00", noteGoID, []byte("a/b/c/d")}, note{"GNU", noteGNUID, []byte{0xab, 0xcd}}),
	}
}

func TestTheProgramOfACoreDumpIsFound(t *testing.T) {
	core, err := Read(bytes.NewReader(crash().bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if want := (Core{Platform: "linux/amd64", PID: 7, Signal: 11, Program: "/app/server", GoBuildID: "a/b/c/d", GNUBuildID: "abcd"}); *core != want {
		t.Errorf("got %#v, want %#v", *core, want)
	}
	if text, want := core.String(), "/app/server, process 7, ended by signal 11 (segmentation fault), linux/amd64"; text != want {
		t.Errorf("got %q, want %q", text, want)
	}
	without := crash()
	without.notes, without.memory, without.machine = without.notes[1:2], make([]byte, 4096), elf.EM_AARCH64
	if core, err = Read(bytes.NewReader(without.bytes())); err != nil || *core != (Core{Platform: "linux/arm64", Program: "server"}) {
		t.Errorf("without the program's page: %#v, %v", core, err)
	}
}

func TestWhatIsNoCoreDumpIsRefused(t *testing.T) {
	executable, other := crash(), crash()
	executable.class, other.machine = elf.ET_EXEC, elf.EM_RISCV
	for name, test := range map[string]struct {
		text []byte
		says string
	}{
		"empty":            {nil, "it is empty"},
		"zeros":            {make([]byte, 64), "it begins with zero bytes"},
		"cut off":          {[]byte(elf.ELFMAG + "\x02\x01\x01\x00\x00\x00"), "it is cut off in its header"},
		"text":             {[]byte("core dumped\n"), `it begins with "core dum"`},
		"zstd":             {[]byte("\x28\xb5\x2f\xfdrest"), "unpack it with `zstd -d`"},
		"gzip":             {[]byte("\x1f\x8b\x08"), "unpack it with `gzip -d`"},
		"an executable":    {executable.bytes(), "it is an ELF file of type EXEC"},
		"another platform": {other.bytes(), "RISCV"},
	} {
		_, err := Read(bytes.NewReader(test.text))
		if err == nil || !strings.Contains(err.Error(), test.says) || name != "another platform" && !errors.Is(err, ErrNoCore) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}

// FuzzRead wants no panic and no memory for sizes that a core only claims.
func FuzzRead(f *testing.F) {
	whole := crash().bytes()
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(crash().memory)
	f.Fuzz(func(t *testing.T, text []byte) {
		if core, err := Read(bytes.NewReader(text)); err == nil && core.Platform == "" {
			t.Errorf("a core without a platform: %+v", core)
		}
	})
}
