package gobin

import (
	"debug/dwarf"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
)

const (
	// maxInfo bounds .debug_info once inflated, maxTable any other section. A program
	// of Kubernetes' size has about 100 MiB and 10 MiB.
	maxInfo  = 1 << 30
	maxTable = 256 << 20

	// languageGo is DW_LANG_Go (DWARF 5, table 7.17).
	languageGo = 0x16
)

// readUnits reads the compile units of the main module, as many as it takes. Units that do not decode are
// other languages' (dwz and split DWARF use forms that debug/dwarf does not know), but
// the main package's must.
func (f *Facts) readUnits(w *window, file *elf.File) error {
	info := debugSection(file, "info")
	if info == nil || info.FileSize == 0 {
		return nil
	}
	tables, err := readTables(w, file)
	if err != nil {
		return err
	}
	main := mainModule(f.Info)
	packages := map[string]bool{} // of the main module; true: optimized
	var undecoded error

	w.readAhead(info.Offset, info.FileSize)
	units := newUnitReader(io.LimitReader(info.Open(), maxInfo), file.ByteOrder)
	for {
		unit, err := units.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", info.Name, err)
		}
		entry, err := tables.decode(unit)
		if err != nil {
			undecoded = err
			continue
		}
		f.addUnit(entry, main, packages)
		if f.Unoptimized {
			break
		}
	}
	if len(packages) == 0 && undecoded != nil {
		return fmt.Errorf("reading %s: %w", info.Name, undecoded)
	}
	f.Units = len(packages)
	for name, isOptimized := range packages {
		if isOptimized {
			f.Optimized = append(f.Optimized, name)
		}
	}
	slices.Sort(f.Optimized)
	return nil
}

// unoptimizedAll tells whether the go command gave every package -N -l, as the stand-in
// has it do. The setting is the last value of the flag, and the last one that matches a
// package is the package's (PerPackageFlag.For in cmd/go/internal/load).
func unoptimizedAll(info *debug.BuildInfo) bool {
	return setting(info, "-gcflags") == "all=-N -l" && setting(info, "-compiler") == "gc"
}

// addUnit notes what one compile unit says, if it is Go's. A package with assembly
// has a unit for each object file, all with the package's name and producer.
func (f *Facts) addUnit(entry *dwarf.Entry, main module, packages map[string]bool) {
	name, flags, ok := GoUnit(entry)
	if !ok {
		return
	}
	optimized := !slices.Contains(flags, "-N") || !slices.Contains(flags, "-l")
	f.DWARF = true
	f.Unoptimized = f.Unoptimized || !optimized && unoptimizedAll(f.Info)
	if main.has(name) {
		name = unescape(name)
		packages[name] = packages[name] || optimized
	}
}

// GoUnit is the package, as the linker names it, that the first entry of a compile unit is of,
// and the flags it was compiled with. It is false for what is not Go's. The flags are in the
// producer, "Go cmd/compile go1.26.8; -N -l regabi"; without flags the semicolon is missing
// (cmd/link/internal/ld/dwarf.go).
func GoUnit(entry *dwarf.Entry) (name string, flags []string, ok bool) {
	if language, _ := entry.Val(dwarf.AttrLanguage).(int64); entry.Tag != dwarf.TagCompileUnit || language != languageGo {
		return "", nil, false
	}
	name, _ = entry.Val(dwarf.AttrName).(string)
	producer, _ := entry.Val(dwarf.AttrProducer).(string)
	_, text, _ := strings.Cut(producer, ";")
	return name, strings.Fields(text), true
}

// tables are the sections that the first entry of a compile unit may refer to.
type tables struct {
	abbrev, str []byte
	more        map[string][]byte // DWARF 5's, by name
}

func readTables(w *window, file *elf.File) (*tables, error) {
	t := &tables{more: map[string][]byte{}}
	for _, name := range []string{"abbrev", "str", "line_str", "str_offsets", "addr"} {
		s := debugSection(file, name)
		if s == nil {
			continue
		}
		w.readAhead(s.Offset, s.FileSize)
		data, err := io.ReadAll(io.LimitReader(s.Open(), maxTable))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", s.Name, err)
		}
		switch name {
		case "abbrev":
			t.abbrev = data
		case "str":
			t.str = data
		default:
			t.more[".debug_"+name] = data
		}
	}
	return t, nil
}

// decode reads the first entry of a unit. Each unit is decoded alone, so that one that
// debug/dwarf refuses spoils no other.
func (t *tables) decode(unit []byte) (entry *dwarf.Entry, err error) {
	data, err := dwarf.New(t.abbrev, nil, nil, unit, nil, nil, nil, t.str)
	if err != nil {
		return nil, err
	}
	for name, table := range t.more {
		if err := data.AddSection(name, table); err != nil {
			return nil, err
		}
	}
	entry, err = data.Reader().Next()
	if err == nil && entry == nil {
		err = errors.New("a compile unit is empty")
	}
	return entry, err
}

// debugSection finds .debug_<name>, or .zdebug_<name> of the time before
// SHF_COMPRESSED, nil where the file has neither.
func debugSection(file *elf.File, name string) *elf.Section {
	for _, prefix := range []string{".debug_", ".zdebug_"} {
		if s := file.Section(prefix + name); s != nil && s.Type != elf.SHT_NOBITS {
			return s
		}
	}
	return nil
}
