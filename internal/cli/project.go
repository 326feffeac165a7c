package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// projectFile names the variants of the user's own. It stands in the context's
// folder, or in the working folder.
const projectFile = "dlvgen.yaml"

const configUsage = "project file with variants of your own (default: " + projectFile + " in the context's folder, else in the working folder)"

// projectTable is the table of variants with those of the project file. With an
// empty path the file is looked for, and need not exist.
func projectTable(path, context string) ([]variants.Request, error) {
	data, path, err := readProject(path, context)
	if err != nil {
		return nil, err
	}
	if data == nil {
		return variants.Table()
	}
	return parseProject(path, data)
}

// readProject returns the project file's text and path, nil where there is none.
func readProject(path, context string) ([]byte, string, error) {
	if path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, path, fmt.Errorf("reading the project file by --config: %w", err)
		}
		return data, path, nil
	}
	var folders []string
	if bake.IsFolder(context) {
		folders = append(folders, context)
	}
	for _, dir := range append(folders, ".") {
		path := filepath.Join(dir, projectFile)
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, path, fmt.Errorf("reading the project file: %w", err)
		}
		return data, path, nil
	}
	return nil, "", nil
}

// parseProject reads a project file. Its errors begin with file and line.
func parseProject(path string, data []byte) ([]variants.Request, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p := project{path: path}
	if len(document.Content) > 0 {
		if err := p.read(document.Content[0]); err != nil {
			return nil, err
		}
	}
	return variants.Table(p.own...)
}

// project is a project file while it is read.
type project struct {
	path string
	own  []variants.Request
}

// read takes the top level: the key "variants", and no other.
func (p *project) read(top *yaml.Node) error {
	const known = "variants"
	return p.each(top, "the file", func(key, value *yaml.Node) error {
		if key.Value != known {
			return p.errorf(key, "unknown key %q: did you mean %q?", key.Value, known)
		}
		return p.each(value, known, p.preset)
	})
}

// preset takes one variant. The table is checked after each, so that an error has
// the line of the variant that brought it.
func (p *project) preset(key, value *yaml.Node) error {
	r := variants.Request{Preset: key.Value}
	keys := frontend.Axes(&r)
	keys.StringVar(&r.Variant.Name, "base", "", "")
	keys.StringVar(&r.Variant.Suffix, "suffix", "", "")
	err := p.each(value, "variant "+key.Value, func(k, v *yaml.Node) error {
		flag := keys.Lookup(k.Value)
		if flag == nil {
			var known []string
			keys.VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
			return p.errorf(k, "unknown key %q of variant %s: did you mean %q? The keys are %s",
				k.Value, key.Value, variants.Nearest(k.Value, known), strings.Join(known, ", "))
		}
		text, err := textOf(v, flag.Value.Type())
		var mismatch *yaml.TypeError
		if errors.As(err, &mismatch) {
			return fmt.Errorf("%s: variant %s: %s", p.path, key.Value, strings.Join(mismatch.Errors, ", "))
		}
		if err == nil {
			err = flag.Value.Set(text)
		}
		if err != nil {
			return p.errorf(v, "variant %s: %s is %q: %w", key.Value, k.Value, text, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.own = append(p.own, r)
	if _, err := variants.Table(p.own...); err != nil {
		return p.errorf(key, "%w", err)
	}
	return nil
}

// each calls f for every key of a mapping, which may be empty.
func (p *project) each(mapping *yaml.Node, what string, f func(key, value *yaml.Node) error) error {
	if mapping.Kind == yaml.AliasNode {
		mapping = mapping.Alias
	}
	if mapping.Tag == "!!null" {
		return nil
	}
	if mapping.Kind != yaml.MappingNode {
		return p.errorf(mapping, "%s must be a mapping of keys to values", what)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		if seen[key.Value] {
			return p.errorf(key, "the key %q stands in %s twice", key.Value, what)
		}
		seen[key.Value] = true
		if err := f(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (p *project) errorf(at *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", p.path, at.Line, fmt.Errorf(format, args...))
}

// textOf is a value as a flag of that type takes it.
func textOf(value *yaml.Node, flagType string) (text string, err error) {
	var list []string
	switch {
	case flagType == "bool":
		var set bool
		err = value.Decode(&set)
		return strconv.FormatBool(set), err
	case flagType == "strings" && value.Decode(&list) == nil:
		return strings.Join(list, " "), nil
	}
	err = value.Decode(&text)
	return text, err
}
