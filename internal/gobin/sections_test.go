package gobin

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

func TestMain(m *testing.M) {
	proctest.RunToolexec()
	os.Exit(m.Run())
}

// linkTwice returns the sections of a stripped program and of what the same link
// makes without -s and -w.
func linkTwice(t *testing.T, dir string, env []string, args ...string) (program, symbols map[string]string) {
	t.Helper()
	second := filepath.Join(t.TempDir(), "symbols")
	twice, flags, err := proctest.SecondLink(second)
	if err != nil {
		t.Fatal(err)
	}
	first := buildProgram(t, dir, append(twice, env...), append(flags, args...)...)
	if readProgram(t, first).DWARF || !readProgram(t, second).DWARF {
		t.Fatal("it is not the stripped one that has no debug information")
	}
	return sectionsOf(t, first), sectionsOf(t, second)
}

func sectionsOf(t *testing.T, path string) map[string]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	sums, err := Sections(file)
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

func TestStrippingAtTheLinkKeepsEverySection(t *testing.T) {
	dir := proctest.Files(t, app)
	// The variables of this program do move with them.
	moved := "go1.18.10 pie"
	for _, version := range []string{"", "go1.16.15", "go1.18.10", "go1.21.13", "go1.24.13"} {
		for name, mode := range map[string]struct {
			cgo  string
			args []string
		}{
			"exe":      {"0", []string{"."}},
			"pie":      {"0", []string{"-buildmode=pie", "."}},
			"cgo":      {"1", []string{"./c"}},
			"cgo, pie": {"1", []string{"-buildmode=pie", "./c"}},
		} {
			t.Run(version+" "+name, func(t *testing.T) {
				env := []string{"CGO_ENABLED=" + mode.cgo}
				if mode.cgo == "1" {
					proctest.RequirePrograms(t, "gcc")
				}
				if version != "" {
					// The length of this test's own paths would decide whether the variables
					// move with the tables; see movedTables.
					env = append(env, "GOTOOLCHAIN="+version, "GOFLAGS=-trimpath")
					requireToolchain(t, env)
				}
				program, symbols := linkTwice(t, dir, env, mode.args...)
				err := Compare(symbols, program)
				if version+" "+name == moved && runtime.GOARCH == "amd64" {
					if err == nil {
						t.Error("symbols that do not fit are taken for those of the program")
					}
					return
				}
				if err != nil {
					t.Errorf("%v, of %q", err, slices.Sorted(maps.Keys(program)))
				}
				if len(program) < 4 || program[".data"] == "" {
					t.Errorf("compared were only %q", slices.Sorted(maps.Keys(program)))
				}
			})
		}
	}
}

func TestAnotherBuildHasOtherSections(t *testing.T) {
	files := maps.Clone(app)
	dir := proctest.Files(t, files)
	symbols := sectionsOf(t, buildProgram(t, dir, nil, "."))
	files["inner/inner.go"] = "package inner\n\n//go:noinline\nfunc Twice(a int) int { return a * 3 }\n"
	for name, program := range map[string]string{
		"another line":     buildProgram(t, proctest.Files(t, files), nil, "-trimpath", "."),
		"for debugging":    buildProgram(t, dir, nil, "-gcflags=all=-N -l", "."),
		"other file names": buildProgram(t, dir, nil, "-trimpath", "."),
	} {
		var differs *SectionError
		if err := Compare(symbols, sectionsOf(t, program)); !errors.As(err, &differs) || differs.Missing || differs.Added {
			t.Errorf("%s: got %v, want a section that differs", name, err)
		}
	}
}

func TestOneByteOfASectionDecides(t *testing.T) {
	path := buildProgram(t, proctest.Files(t, app), nil, "-ldflags=-s -w", ".")
	symbols := sectionsOf(t, path)
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	for name := range symbols {
		s := file.Section(name)
		if s.FileSize == 0 {
			continue
		}
		changed := bytes.Clone(program)
		changed[s.Offset+s.FileSize-1] ^= 1
		sums, err := Sections(bytes.NewReader(changed))
		if err != nil {
			t.Fatal(err)
		}
		want := "its section " + name + " differs"
		if err := Compare(symbols, sums); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestCompareNamesCodeFirst(t *testing.T) {
	for _, tt := range []struct {
		name             string
		symbols, program map[string]string
		want             string
	}{
		{"equal", map[string]string{".text": "a"}, map[string]string{".text": "a"}, ""},
		{"code before data", map[string]string{".data": "a", ".text": "a"}, map[string]string{".data": "b", ".text": "b"}, "its section .text differs"},
		{"missing", map[string]string{".text": "a", ".rodata": "a"}, map[string]string{".text": "a"}, "it has no section .rodata"},
		{"added", map[string]string{".text": "a"}, map[string]string{".text": "a", ".plt": "a"}, "its section .plt is not in the symbols"},
		{"initial values of one alone", map[string]string{".text": "a", ".noptrdata": "a"}, map[string]string{".text": "a"}, ""},
		{"other initial values", map[string]string{".noptrdata": "a"}, map[string]string{".noptrdata": "b"}, "its section .noptrdata differs"},
	} {
		err := Compare(tt.symbols, tt.program)
		if got := fmt.Sprint(err); err != nil && got != tt.want || err == nil && tt.want != "" {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestSectionsOfNoProgramAreAnError(t *testing.T) {
	text := makeELF(t, section{name: ".text", kind: elf.SHT_PROGBITS, data: make([]byte, 100)})
	end := bytes.Clone(text)
	// The size in the header of section 1: 32 bytes into it.
	headers := int(end[40]) | int(end[41])<<8
	end[headers+64+32+2] = 1
	for name, tt := range map[string]struct {
		data []byte
		kind Kind
	}{
		"a script":               {[]byte("#!/bin/sh\n"), KindScript},
		"no sections":            {makeELF(t), KindNotGo},
		"headers cut off":        {text[:len(text)-10], KindMalformed},
		"code beyond the end":    {end, KindMalformed},
		"code that is not there": {makeELF(t, section{name: ".text", kind: elf.SHT_NOBITS}), KindNotGo},
	} {
		var format *FormatError
		if _, err := Sections(bytes.NewReader(tt.data)); !errors.As(err, &format) || format.Kind != tt.kind {
			t.Errorf("%s: got %v, want kind %s", name, err, tt.kind)
		}
	}
	lost := errors.New("connection lost")
	if _, err := Sections(failing{bytes.NewReader(text), 100, lost}); !errors.Is(err, lost) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

func TestCodeInSeveralSectionsOfOneNameIsReadWhole(t *testing.T) {
	part := func(b byte) section { return section{name: ".text", kind: elf.SHT_PROGBITS, data: []byte{b}} }
	sum := func(parts ...section) string {
		sums, err := Sections(bytes.NewReader(makeELF(t, parts...)))
		if err != nil {
			t.Fatal(err)
		}
		return sums[".text"]
	}
	if sum(part(1), part(2)) == sum(part(3), part(2)) || sum(part(1), part(2)) == sum(part(1), part(3)) {
		t.Error("a part is not read")
	}
}
