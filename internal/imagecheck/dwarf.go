package imagecheck

import (
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/gobin"
)

// debugInfo is what the debug information of a program says.
type debugInfo struct {
	// units are Go's packages, true for those that were compiled without -N -l.
	units map[string]bool

	// files are those that the line tables name, as they name them, with the last line
	// that belongs to code, which is 0 where nobody asked for it.
	files map[string]int
}

// readDebugInfo reads the debug information of a program. The lines are those of the
// compile units that have a file that is asked for.
func readDebugInfo(name string, asked func(file string) bool) (*debugInfo, error) {
	info := &debugInfo{units: map[string]bool{}, files: map[string]int{}}
	err := eachUnit(name, func(u compileUnit) error {
		info.addUnit(u.entry)
		return info.addFiles(u, asked)
	})
	if err != nil {
		return nil, err
	}
	return info, nil
}

// compileUnit is one of a program's.
type compileUnit struct {
	entry *dwarf.Entry

	// entries is behind entry.
	entries *dwarf.Reader

	// lines is nil for a unit without a line table.
	lines *dwarf.LineReader
}

// eachUnit reads the compile units of a program, which may be anybody's.
func eachUnit(name string, read func(compileUnit) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it is malformed: %v", p)
		}
	}()
	f, err := elf.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := checkSize(f.Sections); err != nil {
		return err
	}
	tables, err := readUnitTables(f)
	if err != nil {
		return err
	}
	data, err := f.DWARF()
	if err != nil {
		return err
	}
	entries := data.Reader()
	for _, at := range tables.units {
		entries.Seek(at)
		unit, err := entries.Next()
		if err != nil {
			return err
		}
		if unit == nil || unit.Tag != dwarf.TagCompileUnit {
			continue
		}
		u := compileUnit{entry: unit, entries: entries}
		has, err := tables.addLines(unit)
		if err == nil && has {
			u.lines, err = data.LineReader(unit)
		}
		if err == nil {
			err = read(u)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// eachLine reads the entries of the unit's line table.
func (u compileUnit) eachLine(read func(dwarf.LineEntry)) error {
	for {
		var line dwarf.LineEntry
		err := u.lines.Next(&line)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if line.File != nil && !line.EndSequence {
			read(line)
		}
	}
}

// addUnit notes how a package of Go's was compiled.
func (d *debugInfo) addUnit(unit *dwarf.Entry) {
	name, flags, ok := gobin.GoUnit(unit)
	if !ok {
		return
	}
	unoptimized := slices.Contains(flags, "-l") && (slices.Contains(flags, "-N") || ofRuntime(name))
	d.units[name] = d.units[name] || !unoptimized
}

// ofRuntime says that the compiler may clear -N of a package, see LookupPkgSpecial in
// cmd/internal/objabi/pkgspecial.go.
func ofRuntime(name string) bool {
	return name == "runtime" || strings.HasPrefix(name, "runtime/") || strings.HasPrefix(name, "internal/")
}

func (d *debugInfo) addFiles(u compileUnit, asked func(string) bool) error {
	if u.lines == nil {
		return nil
	}
	any := false
	for _, file := range u.lines.Files() {
		if file == nil {
			continue
		}
		if _, known := d.files[file.Name]; !known {
			d.files[file.Name] = 0
		}
		any = any || asked(file.Name)
	}
	if !any {
		return nil
	}
	return u.eachLine(func(line dwarf.LineEntry) {
		d.files[line.File.Name] = max(d.files[line.File.Name], line.Line)
	})
}

// optimized are the packages that were compiled with optimizations, sorted.
func (d *debugInfo) optimized() []string {
	var list []string
	for name, optimized := range d.units {
		if optimized {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// maxDebug is more than the debug information of a program has, inflated.
const maxDebug = 2 << 30

// checkSize sums up what reading the debug information takes of the memory: an image may say
// that a few bytes are inflated to anything.
func checkSize(sections []*elf.Section) error {
	var sum uint64
	for _, s := range sections {
		size := s.Size
		switch {
		case strings.HasPrefix(s.Name, ".zdebug_"):
			header := make([]byte, len("ZLIB")+8)
			if n, err := s.ReadAt(header, 0); n < len(header) {
				return fmt.Errorf("reading section %s: %w", s.Name, err)
			}
			size = max(size, binary.BigEndian.Uint64(header[len("ZLIB"):]))
		case !strings.HasPrefix(s.Name, ".debug_"):
			continue
		}
		if size > maxDebug || sum+size > maxDebug {
			return errors.New("it is larger than any")
		}
		sum += size
	}
	return nil
}
