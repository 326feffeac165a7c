package gobin

import (
	"bytes"
	"compress/zlib"
	"debug/elf"
	"encoding/binary"
	"strings"
	"testing"
)

// section is one section of a made ELF file.
type section struct {
	name  string
	kind  elf.SectionType
	flags elf.SectionFlag
	data  []byte
}

// makeELF writes an ELF64 file with these sections and one loaded segment per
// section of .go.buildinfo's name.
func makeELF(t testing.TB, sections ...section) []byte {
	t.Helper()
	const base, headers = 0x400000, 64 + 56
	var body bytes.Buffer
	names := []byte{0}
	shdrs := []elf.Section64{{}}
	prog := elf.Prog64{Type: uint32(elf.PT_NULL)}
	for _, s := range append(sections, section{name: ".shstrtab", kind: elf.SHT_STRTAB}) {
		for body.Len()%16 != 8 { // headers are 120 bytes: keep contents aligned to 16
			body.WriteByte(0)
		}
		off := uint64(headers + body.Len())
		h := elf.Section64{
			Name: uint32(len(names)), Type: uint32(s.kind), Flags: uint64(s.flags),
			Off: off, Size: uint64(len(s.data)), Addralign: 1,
		}
		names = append(append(names, s.name...), 0)
		switch s.name {
		case ".shstrtab":
			s.data = names
			h.Size = uint64(len(names))
		case ".go.buildinfo":
			h.Addr = base + off
			prog = elf.Prog64{
				Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W), Off: off,
				Vaddr: h.Addr, Filesz: h.Size, Memsz: h.Size,
			}
		}
		shdrs = append(shdrs, h)
		body.Write(s.data)
	}
	header := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Phoff: 64, Shoff: uint64(headers + body.Len()), Ehsize: 64, Phentsize: 56, Phnum: 1,
		Shentsize: 64, Shnum: uint16(len(shdrs)), Shstrndx: uint16(len(shdrs) - 1),
	}
	var out bytes.Buffer
	for _, part := range []any{header, prog, body.Bytes(), shdrs} {
		if err := binary.Write(&out, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// goELF makes an ELF file that says it is a Go program of the module example.com/app,
// with these bytes as .debug_info.
func goELF(t testing.TB, info []byte, more ...section) []byte {
	t.Helper()
	return makeELF(t, append([]section{
		{name: ".go.buildinfo", kind: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC | elf.SHF_WRITE, data: makeBuildInfo()},
		{name: ".debug_abbrev", kind: elf.SHT_PROGBITS, data: abbrev},
		{name: ".debug_info", kind: elf.SHT_PROGBITS, data: info},
	}, more...)...)
}

// makeBuildInfo writes a blob as cmd/link does since Go 1.18.
func makeBuildInfo() []byte {
	mod := strings.Repeat("s", 16) + "path\texample.com/app\nmod\texample.com/app\t(devel)\t\n" +
		"dep\texample.com/app/nested\tv1.0.0\t\n" + strings.Repeat("e", 16)
	blob := append([]byte("\xff Go buildinf:\x08\x02"), make([]byte, 16)...)
	for _, s := range []string{"go1.26.8", mod} {
		blob = append(binary.AppendUvarint(blob, uint64(len(s))), s...)
	}
	return blob
}

// abbrev describes one entry, code 1: DW_TAG_compile_unit with children;
// DW_AT_name (string), DW_AT_language (data1), DW_AT_producer (string).
var abbrev = []byte{1, 0x11, 1, 0x03, 0x08, 0x13, 0x0b, 0x25, 0x08, 0, 0, 0}

// made is a compile unit to be encoded.
type made struct {
	name, producer string
	language       byte // 0: Go
	version        byte // 0: 4
	wide           bool // 64-bit DWARF
	children       int  // bytes of them
}

func (m made) bytes() []byte {
	le := binary.LittleEndian
	if m.language == 0 {
		m.language = languageGo
	}
	if m.version == 0 {
		m.version = 4
	}
	body := []byte{m.version, 0}
	offset := make([]byte, 4)
	if m.wide {
		offset = make([]byte, 8)
	}
	if m.version == 5 {
		body = append(append(body, 1 /* DW_UT_compile */, 8), offset...)
	} else {
		body = append(append(body, offset...), 8)
	}
	body = append(body, 1)
	body = append(append(body, m.name...), 0, m.language)
	body = append(append(body, m.producer...), 0)
	body = append(body, make([]byte, m.children)...)
	if m.wide {
		return append(le.AppendUint64(le.AppendUint32(nil, 0xffffffff), uint64(len(body))), body...)
	}
	return append(le.AppendUint32(nil, uint32(len(body))), body...)
}

func encode(units ...made) []byte {
	var info []byte
	for _, u := range units {
		info = append(info, u.bytes()...)
	}
	return info
}

// deflated compresses as .zdebug_ sections are: "ZLIB", the size, zlib.
func deflated(t testing.TB, data []byte) []byte {
	t.Helper()
	out := bytes.NewBuffer(binary.BigEndian.AppendUint64([]byte("ZLIB"), uint64(len(data))))
	z := zlib.NewWriter(out)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
