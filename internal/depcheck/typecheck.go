package depcheck

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// TypeCheck lists the errors that the compiler would report on another system in the
// packages that match arguments of go list, and in what they import. dir is a folder
// inside a module. Nothing is compiled: that would take minutes for each system.
func TypeCheck(ctx context.Context, dir, goos, goarch string, args ...string) ([]error, error) {
	env := append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	listed, err := list(ctx, dir, env, append([]string{"-e", "-deps"}, args...)...)
	if err != nil {
		return nil, err
	}
	c := checker{sizes: types.SizesFor("gc", goarch), files: token.NewFileSet(), packages: map[string]*checked{}}
	for _, p := range listed {
		c.packages[p.ImportPath] = &checked{Package: p, done: make(chan struct{})}
	}
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	var all sync.WaitGroup
	for _, p := range listed {
		all.Go(func() { c.check(c.packages[p.ImportPath], turns) })
	}
	all.Wait()
	return c.errs, nil
}

type checker struct {
	sizes    types.Sizes
	files    *token.FileSet
	packages map[string]*checked

	mu   sync.Mutex
	errs []error
}

// checked is a package; its types are there when it is done.
type checked struct {
	Package
	types *types.Package
	done  chan struct{}
}

// imported is the package that an import in p means. In tests that may be a variant of it.
func (c *checker) imported(p *checked, path string) *checked {
	if variant, ok := p.ImportMap[path]; ok {
		path = variant
	}
	return c.packages[path]
}

// check waits for what the package imports and for its turn.
func (c *checker) check(p *checked, turns chan struct{}) {
	defer close(p.done)
	for _, path := range p.Imports {
		if needed := c.imported(p, path); needed != nil {
			<-needed.done
		}
	}
	turns <- struct{}{}
	defer func() { <-turns }()
	switch {
	case p.ImportPath == "unsafe":
		p.types = types.Unsafe
		return
	case strings.HasSuffix(p.ImportPath, ".test"): // made by go test
		return
	case p.Error != nil:
		c.report(fmt.Errorf("%s: %s", p.ImportPath, p.Error.Err))
		return
	}
	var parsed []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(c.files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			c.report(err)
			return
		}
		parsed = append(parsed, file)
	}
	config := types.Config{
		Sizes: c.sizes,
		// The standard library is right on every system.
		IgnoreFuncBodies: p.Standard,
		FakeImportC:      true,
		Importer: importer(func(path string) (*types.Package, error) {
			if needed := c.imported(p, path); needed != nil && needed.types != nil {
				return needed.types, nil
			}
			return nil, fmt.Errorf("no package %s", path)
		}),
		Error: c.report,
	}
	p.types, _ = config.Check(p.ImportPath, c.files, parsed, nil) // reported
}

func (c *checker) report(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs = append(c.errs, err)
}

type importer func(path string) (*types.Package, error)

func (i importer) Import(path string) (*types.Package, error) { return i(path) }
