package imagecheck

import (
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/variants"
)

// sourceNames are the ends of names of sources.
var sourceNames = []string{".go", ".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".s", ".S", "go.mod", "go.sum", "go.work"}

// checkSources wants sources in no layer of dlvgen's where they are excluded, and each file of
// the main module that the debug information names where they are baked.
func (c *contents) checkSources(plan *variants.Plan, program string) Check {
	const name = "sources"
	named, err := c.sourceFiles(program)
	if plan.Request.Variant.Sources == variants.SourcesExcluded {
		for _, e := range c.layers {
			source := named[e.path] || slices.ContainsFunc(sourceNames, func(end string) bool { return strings.HasSuffix(e.path, end) })
			if e.ours && source {
				return failed(name, "they are excluded, and a layer has %s", e.path)
			}
		}
	}
	if err != nil {
		return Check{name, NotChecked, fmt.Sprintf("the debug information of %s cannot be read: %s", program, err)}
	}
	if plan.Request.Variant.Sources == variants.SourcesExcluded {
		return passed(name, "excluded: no layer that dlvgen added has any")
	}
	missing, all := c.missing(plan, named)
	if len(missing) > 0 {
		return failed(name, "the image lacks files of the main module that the debug information names (%d of %d), such as %s", len(missing), all, missing[0])
	}
	return passed(name, "baked: the image has all files of the main module that the debug information names (%d)", all)
}

// missing are the files of the main module that the image has not, sorted, out of all.
func (c *contents) missing(plan *variants.Plan, named map[string]bool) (missing []string, all int) {
	for file := range named {
		i := slices.IndexFunc(plan.Paths, func(r variants.PathRule) bool {
			return r.Kind == variants.PathModule && r.Path != "" && strings.HasPrefix(file, r.Path+"/")
		})
		leftOut := slices.ContainsFunc(plan.LeftOut, func(l variants.LeftOut) bool { return l.Path == file })
		if i < 0 || leftOut || !strings.HasSuffix(file, ".go") || strings.HasPrefix(path.Base(file), "_cgo_") {
			continue
		}
		all++
		at := file
		if r := plan.Paths[i]; r.Source != "" {
			at = r.Source + strings.TrimPrefix(file, r.Path)
		}
		if !c.there[at] {
			missing = append(missing, file)
		}
	}
	slices.Sort(missing)
	return missing, all
}

// sourceFiles are the files that the line tables of a program name, as they name them.
func (c *contents) sourceFiles(program string) (named map[string]bool, err error) {
	file, ok := c.files[program]
	if !ok {
		return nil, errors.New("the image has no such file")
	}
	defer func() {
		if p := recover(); p != nil {
			named, err = nil, fmt.Errorf("it is malformed: %v", p)
		}
	}()
	f, err := elf.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := checkSize(f.Sections); err != nil {
		return nil, err
	}
	data, err := f.DWARF()
	if err != nil {
		return nil, err
	}
	named = map[string]bool{}
	for units := data.Reader(); ; units.SkipChildren() {
		unit, err := units.Next()
		if err != nil {
			return nil, err
		}
		if unit == nil {
			return named, nil
		}
		if unit.Tag != dwarf.TagCompileUnit {
			continue
		}
		lines, err := data.LineReader(unit)
		if err != nil {
			return nil, err
		}
		if lines == nil {
			continue
		}
		for _, file := range lines.Files() {
			if file != nil {
				named[file.Name] = true
			}
		}
	}
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

// secretNames are names of files that hold secrets, as path.Match has them.
var secretNames = []string{
	".env", ".env.*", ".netrc", ".npmrc", ".pypirc", ".git-credentials", ".dockercfg", ".dockerconfigjson",
	"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "kubeconfig",
}

// checkSecrets looks for names in the layers that dlvgen added. What production has, it has
// anyway.
func (c *contents) checkSecrets() Check {
	const name = "secrets"
	for _, e := range c.layers {
		if !e.ours {
			continue
		}
		for _, pattern := range secretNames {
			if match, _ := path.Match(pattern, path.Base(e.path)); match {
				return failed(name, "a layer has %s", e.path)
			}
		}
	}
	return passed(name, "no layer that dlvgen added has a file that is named like one")
}
