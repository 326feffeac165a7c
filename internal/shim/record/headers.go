package record

import (
	"path/filepath"
	"slices"
	"strings"
)

// headers lists the headers in the package's folder that its files include, also those
// that other headers do. go list names all that lie there, read or not. A file that
// cannot be read includes nothing: its name alone is nothing to go by.
func (p goPackage) headers(read func(path string) ([]byte, error)) []string {
	if len(p.HFiles) == 0 {
		return nil
	}
	var found []string
	queue := slices.Concat(p.CgoFiles, p.CFiles, p.CXXFiles, p.MFiles, p.FFiles, p.SFiles, p.SwigFiles, p.SwigCXXFiles)
	for len(queue) > 0 {
		file := queue[0]
		queue = queue[1:]
		data, err := read(filepath.Join(p.Dir, file))
		if err != nil {
			continue
		}
		for _, name := range includes(string(data), strings.HasSuffix(file, ".go")) {
			for _, header := range p.HFiles {
				if !slices.Contains(found, header) && isIncluded(filepath.Join(p.Dir, header), name) {
					found, queue = append(found, header), append(queue, header)
				}
			}
		}
	}
	return found
}

// includes lists what a file names in directives, whatever the conditions around them.
// In Go they stand in the comment above import "C".
func includes(text string, inComments bool) []string {
	var named []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if inComments {
			line = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(line, "//"), "/*"))
		}
		if line == "" || line[0] != '#' && line[0] != '%' { // %include is SWIG's
			continue
		}
		line = strings.TrimSpace(line[1:])
		for _, directive := range []string{"include_next", "include", "import"} {
			if rest, ok := strings.CutPrefix(line, directive); ok {
				if name := quoted(strings.TrimSpace(rest)); name != "" {
					named = append(named, name)
				}
				break
			}
		}
	}
	return named
}

// quoted is the name at the front of a text in "" or <>, empty where there is none.
func quoted(text string) string {
	if text == "" || text[0] != '"' && text[0] != '<' {
		return ""
	}
	end := strings.IndexAny(text[1:], `">`)
	return text[1:max(end+1, 1)]
}

// isIncluded tells whether a directive's name can mean the file, which the compiler
// finds from the folder of the file that includes it, or from one of -I.
func isIncluded(path, name string) bool {
	name = filepath.Clean(name)
	for strings.HasPrefix(name, "../") {
		name = name[len("../"):]
	}
	return path == name || strings.HasSuffix(path, "/"+name)
}
