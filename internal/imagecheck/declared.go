package imagecheck

import (
	"debug/dwarf"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dlvgen/dlvgen/internal/gobin"
)

// DeclaredFile is what the debug information of a program says of one of its files.
type DeclaredFile struct {
	// Lines are those that belong to code.
	Lines map[int]bool

	// Functions are the lines of functions by the linker's names for them within their package,
	// "(*DB).Close". Those that exist only inlined have none.
	Functions map[string]int

	// Main says that it is a file of the main package.
	Main bool
}

// DeclaredFiles reads from the debug information of a program, which may be anybody's, what it says
// of the files that are asked for, by their names there.
func DeclaredFiles(name string, asked func(file string) bool) (files map[string]*DeclaredFile, err error) {
	defer func() {
		if p := recover(); p != nil {
			files, err = nil, fmt.Errorf("it is malformed: %v", p)
		}
	}()
	f, err := elf.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
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
	d := declared{data: data, asked: asked, files: map[string]*DeclaredFile{}}
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
		has, err := tables.addLines(unit)
		if err == nil && has {
			err = d.addUnit(units, unit)
		}
		if err != nil {
			return nil, err
		}
	}
	return d.files, nil
}

type declared struct {
	data  *dwarf.Data
	asked func(string) bool
	files map[string]*DeclaredFile
}

// file is that of a name, nil for one that nobody asked for.
func (d *declared) file(f *dwarf.LineFile) *DeclaredFile {
	if f == nil || !d.asked(f.Name) {
		return nil
	}
	if d.files[f.Name] == nil {
		d.files[f.Name] = &DeclaredFile{Lines: map[int]bool{}, Functions: map[string]int{}}
	}
	return d.files[f.Name]
}

// addUnit reads a compile unit, whose first entry the reader is behind.
func (d *declared) addUnit(entries *dwarf.Reader, unit *dwarf.Entry) error {
	lines, err := d.data.LineReader(unit)
	if err != nil || lines == nil {
		return err
	}
	any := false
	for _, f := range lines.Files() {
		any = any || f != nil && d.asked(f.Name)
	}
	if !any {
		return nil
	}
	for {
		var line dwarf.LineEntry
		err := lines.Next(&line)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if f := d.file(line.File); f != nil && !line.EndSequence {
			f.Lines[line.Line] = true
		}
	}
	return d.addFunctions(entries, unit, lines.Files())
}

func (d *declared) addFunctions(entries *dwarf.Reader, unit *dwarf.Entry, files []*dwarf.LineFile) error {
	name, _, _ := gobin.GoUnit(unit)
	for unit.Children {
		entry, err := entries.Next()
		if err != nil {
			return err
		}
		if entry == nil || entry.Tag == 0 { // the end of the unit
			return nil
		}
		if entry.Tag == dwarf.TagSubprogram {
			function, _ := entry.Val(dwarf.AttrName).(string)
			function, own := strings.CutPrefix(function, name+".")
			at, _ := entry.Val(dwarf.AttrDeclFile).(int64)
			line, _ := entry.Val(dwarf.AttrDeclLine).(int64)
			if own && line > 0 && at >= 0 && at < int64(len(files)) {
				if f := d.file(files[at]); f != nil {
					f.Functions[function] = int(line)
					f.Main = f.Main || name == "main"
				}
			}
		}
		entries.SkipChildren()
	}
	return nil
}
