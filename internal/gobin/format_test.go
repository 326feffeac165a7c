package gobin

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestWhatIsNoGoProgramIsNamed(t *testing.T) {
	object := makeELF(t)
	object[16] = byte(elf.ET_REL)
	upx := makeELF(t)[:120]
	clear(upx[0x28:0x30]) // no section headers
	clear(upx[0x3c:0x40])
	upx = append(upx, "....UPX!...."...)

	tests := []struct {
		name, content string
		kind          Kind
		interpreter   string
		says          string
	}{
		{"empty", "", KindUnknown, "", "empty"},
		{"data", "{\"a\": 1}", KindUnknown, "", `it starts with "{\"a\": 1}"`},
		{"script", "#!/bin/sh -e\nexec app\n", KindScript, "/bin/sh -e", `a script for "/bin/sh -e"`},
		{"script of Windows line ends", "#! /usr/bin/env bash\r\n", KindScript, "/usr/bin/env bash", "bash"},
		{"script without an end", "#!", KindScript, "", "script"},
		{"script of a terminal's codes", "#!\x1b[31m/bin/\x00sh\xff\n", KindScript, "[31m/bin/ sh", "script"},
		{"windows", "MZ\x90\x00", KindPE, "", "Windows"},
		{"macos", "\xcf\xfa\xed\xfe\x07\x00\x00\x01", KindMachO, "", "macOS"},
		{"macos, fat", "\xca\xfe\xba\xbe\x00\x00\x00\x02", KindMachO, "", "macOS"},
		{"java class", "\xca\xfe\xba\xbe\x00\x00\x00\x41", KindUnknown, "", "not an executable"},
		{"elf magic alone", "\x7fELF", KindMalformed, "", "damaged"},
		{"elf cut short", string(makeELF(t)[:100]), KindMalformed, "", "damaged"},
		{"c program", string(makeELF(t)), KindNotGo, "", "not a Go program"},
		{"object file", string(object), KindNotGo, "", "ET_REL"},
		{"packed", string(upx), KindNotGo, "", "UPX"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(strings.NewReader(tt.content))
			var format *FormatError
			if !errors.As(err, &format) {
				t.Fatalf("got %v, want a FormatError", err)
			}
			if format.Kind != tt.kind || format.Interpreter != tt.interpreter || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("kind %q, interpreter %q: %v; want %q, %q, %q", format.Kind, format.Interpreter, err, tt.kind, tt.interpreter, tt.says)
			}
		})
	}
}

// failing is a file whose reads beyond a point fail.
type failing struct {
	io.ReaderAt
	from int64
	err  error
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.from {
		return 0, f.err
	}
	return f.ReaderAt.ReadAt(p, off)
}

func TestErrorsOfTheFileAreNotTakenForItsFormat(t *testing.T) {
	program := goELF(t, encode(made{name: "main", producer: plain, children: 5000}))
	lost := errors.New("connection lost")
	for _, from := range []int64{0, 300, 1000, int64(len(program)) - 1} {
		_, err := Read(failing{bytes.NewReader(program), from, lost})
		if !errors.Is(err, lost) {
			t.Errorf("reads fail from %d: got %v, want the error of the file", from, err)
		}
		var format *FormatError
		if errors.As(err, &format) {
			t.Errorf("reads fail from %d: %v is a FormatError", from, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("#!/bin/sh\n"))
	f.Add(makeELF(f))
	f.Add(goELF(f, encode(made{name: "main", producer: plain}, made{name: "example.com/app/x", producer: noFlags, version: 5})))
	f.Add(goELF(f, encode(made{name: "main", producer: plain, wide: true}), section{name: ".note.go.buildid", kind: elf.SHT_NOTE, data: []byte("\x04\x00\x00\x00\x02\x00\x00\x00\x04\x00\x00\x00Go\x00\x00id")}))
	f.Add(makeELF(f,
		section{name: ".go.buildinfo", kind: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC | elf.SHF_WRITE, data: makeBuildInfo()},
		section{name: ".zdebug_abbrev", kind: elf.SHT_PROGBITS, data: deflated(f, abbrev)},
		section{name: ".zdebug_info", kind: elf.SHT_PROGBITS, data: deflated(f, encode(made{name: "main", producer: plain}))}))
	f.Fuzz(func(t *testing.T, data []byte) {
		direct, err := Read(bytes.NewReader(data))
		if (direct == nil) == (err == nil) {
			t.Fatalf("facts %v and error %v", direct, err)
		}
		if err != nil {
			var format *FormatError
			if !errors.As(err, &format) {
				t.Fatalf("the file cannot fail, but: %v", err)
			}
			return
		}
		_ = direct.Debuggable()
		blocks, err := Read(NewBlockReader(bytes.NewReader(data), int64(len(data)), 64))
		if err != nil || blocks.Units != direct.Units || blocks.BuildID != direct.BuildID {
			t.Fatalf("through blocks: %+v, %v; directly: %+v", blocks, err, direct)
		}
	})
}
