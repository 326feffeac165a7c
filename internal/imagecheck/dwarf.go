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
func readDebugInfo(name string, asked func(file string) bool) (info *debugInfo, err error) {
	defer func() {
		if p := recover(); p != nil {
			info, err = nil, fmt.Errorf("it is malformed: %v", p)
		}
	}()
	f, err := elf.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := checkSize(f.Sections); err != nil {
		return nil, err
	}
	tables, err := readUnitTables(f)
	if err != nil {
		return nil, err
	}
	data, err := f.DWARF()
	if err != nil {
		return nil, err
	}
	info = &debugInfo{units: map[string]bool{}, files: map[string]int{}}
	units := data.Reader()
	for _, at := range tables.units {
		units.Seek(at)
		unit, err := units.Next()
		if err != nil {
			return nil, err
		}
		if unit == nil || unit.Tag != dwarf.TagCompileUnit {
			continue
		}
		info.addUnit(unit)
		has, err := tables.addLines(unit)
		if err == nil && has {
			err = info.addFiles(data, unit, asked)
		}
		if err != nil {
			return nil, err
		}
	}
	return info, nil
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

func (d *debugInfo) addFiles(data *dwarf.Data, unit *dwarf.Entry, asked func(string) bool) error {
	lines, err := data.LineReader(unit)
	if err != nil || lines == nil {
		return err
	}
	any := false
	for _, file := range lines.Files() {
		if file == nil {
			continue
		}
		if _, known := d.files[file.Name]; !known {
			d.files[file.Name] = 0
		}
		any = any || asked(file.Name)
	}
	for any {
		var line dwarf.LineEntry
		err := lines.Next(&line)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if line.File != nil && !line.EndSequence {
			d.files[line.File.Name] = max(d.files[line.File.Name], line.Line)
		}
	}
	return nil
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
