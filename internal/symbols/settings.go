package symbols

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/internal/visible"
)

// Debuggers are those that [Build.Settings] knows.
var Debuggers = []string{"dlv", "gdb"}

// Settings are those by which a debugger finds what [Build.Store] wrote to a folder: for
// Delve its config.yml, for gdb a file of commands.
func (b *Build) Settings(debugger, dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if !visible.Text(dir) {
		return "", fmt.Errorf("the path %q has control characters: export to another folder", dir)
	}
	if debugger == "gdb" {
		return b.gdb(dir)
	}
	return b.delve(dir), nil
}

// delve: a quoted string is the same in YAML as in Go, but for what no path has.
func (b *Build) delve(dir string) string {
	at := dir
	if b.GNU == "" {
		at = filepath.Dir(filepath.Join(dir, filepath.FromSlash(b.DebugName())))
	}
	var text strings.Builder
	fmt.Fprintf(&text, "debug-info-directories: [%q]\n", at)
	sources := filepath.Join(dir, filepath.FromSlash(b.SourcesName()))
	for i, root := range b.Roots {
		if i == 0 {
			text.WriteString("substitute-path:\n")
		}
		// The last is the empty one, of dependencies, which is no prefix of the others.
		root = b.Roots[len(b.Roots)-1-i]
		fmt.Fprintf(&text, "  - {from: %q, to: %q}\n", root, filepath.Join(sources, filepath.FromSlash(root)))
	}
	return text.String()
}

// gdb looks for a source below each of its directories by its whole path.
func (b *Build) gdb(dir string) (string, error) {
	if strings.ContainsAny(dir, ":\"\\'") {
		return "", fmt.Errorf("gdb takes no folder that is named %s: export to another folder", strconv.Quote(dir))
	}
	var text strings.Builder
	if b.GNU != "" {
		fmt.Fprintf(&text, "set debug-file-directory %s:/usr/lib/debug\n", dir)
	} else {
		fmt.Fprintf(&text, "symbol-file \"%s\"\n", filepath.Join(dir, filepath.FromSlash(b.DebugName())))
	}
	if len(b.Sources) > 0 {
		fmt.Fprintf(&text, "directory \"%s\"\n", filepath.Join(dir, filepath.FromSlash(b.SourcesName())))
	}
	return text.String(), nil
}
