package imagecheck

import (
	"debug/dwarf"
	"slices"
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
func DeclaredFiles(name string, asked func(file string) bool) (map[string]*DeclaredFile, error) {
	d := declared{asked: asked, files: map[string]*DeclaredFile{}}
	if err := eachUnit(name, d.addUnit); err != nil {
		return nil, err
	}
	return d.files, nil
}

type declared struct {
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

func (d *declared) addUnit(u compileUnit) error {
	if u.lines == nil {
		return nil
	}
	asked := func(f *dwarf.LineFile) bool { return f != nil && d.asked(f.Name) }
	if !slices.ContainsFunc(u.lines.Files(), asked) {
		return nil
	}
	err := u.eachLine(func(line dwarf.LineEntry) {
		if f := d.file(line.File); f != nil {
			f.Lines[line.Line] = true
		}
	})
	if err != nil {
		return err
	}
	return d.addFunctions(u, u.lines.Files())
}

func (d *declared) addFunctions(u compileUnit, files []*dwarf.LineFile) error {
	name, _, _ := gobin.GoUnit(u.entry)
	for u.entry.Children {
		entry, err := u.entries.Next()
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
		u.entries.SkipChildren()
	}
	return nil
}
