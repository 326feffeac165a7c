package depcheck

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// clock lists the functions of package time that read the clock or wait for it.
var clock = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

// ClockCalls lists the places below a folder at which Go files, tests aside, use
// the clock. It goes by the name "time" of the import.
func ClockCalls(dir string) ([]string, error) {
	var places []string
	files := token.NewFileSet()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := selector.X.(*ast.Ident)
			if ok && pkg.Name == "time" && slices.Contains(clock, selector.Sel.Name) {
				places = append(places, fmt.Sprintf("%s: time.%s", files.Position(n.Pos()), selector.Sel.Name))
			}
			return true
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for the clock: %w", err)
	}
	return places, nil
}
