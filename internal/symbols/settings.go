package symbols

import (
	"fmt"
	"path/filepath"
	"slices"
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
	rules := b.Rules(dir)
	if len(rules) > 0 {
		text.WriteString("substitute-path:\n")
	}
	for _, rule := range rules {
		fmt.Fprintf(&text, "  - {from: %q, to: %q}\n", rule.From, rule.To)
	}
	return text.String()
}

// Rule leads from a path of the debug information to the sources in a folder of this machine.
type Rule struct{ From, To string }

// Rules lead to the sources that [Build.Store] wrote to a folder. The first that matches counts.
func (b *Build) Rules(dir string) []Rule {
	sources := filepath.Join(dir, filepath.FromSlash(b.SourcesName()))
	var rules []Rule
	for _, root := range slices.Backward(b.Roots) { // a folder before the one that it is in
		rules = append(rules, Rule{From: root, To: filepath.Join(sources, filepath.FromSlash(root))})
	}
	return rules
}

// noScripts leaves gdb only the scripts that came with it: it takes those below
// debug-file-directory for safe too, and the debug information names some to run.
const noScripts = "set auto-load safe-path $datadir/auto-load\n"

// gdb looks for a source below each of its directories by its whole path.
func (b *Build) gdb(dir string) (string, error) {
	if strings.ContainsAny(dir, ":\"\\'") {
		return "", fmt.Errorf("gdb takes no folder that is named %s: export to another folder", strconv.Quote(dir))
	}
	if strings.ContainsAny(b.DebugName(), "\"\\'") {
		return "", fmt.Errorf("gdb takes no program that is named %s", strconv.Quote(b.Program))
	}
	var text strings.Builder
	if b.GNU != "" { // before gdb reads the program
		fmt.Fprintf(&text, "# gdb -ix THIS-FILE -p PID\n"+noScripts+"set debug-file-directory %s:/usr/lib/debug\n", dir)
	} else {
		fmt.Fprintf(&text, "# gdb -x THIS-FILE -p PID\n"+noScripts+"symbol-file \"%s\"\n", filepath.Join(dir, filepath.FromSlash(b.DebugName())))
	}
	if len(b.Sources) > 0 {
		fmt.Fprintf(&text, "directory \"%s\"\n", filepath.Join(dir, filepath.FromSlash(b.SourcesName())))
	}
	return text.String(), nil
}
