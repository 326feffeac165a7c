// Package gomodule says how a program of a Go module becomes an image where there is no
// Dockerfile: it reads the module and ko's configuration, and writes the Dockerfile that
// BuildKit builds the image by. The image is laid out as ko's are.
package gomodule

import (
	"cmp"
	"errors"
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// Module is a module as one of its programs is compiled. Folders are absolute.
type Module struct {
	// Package is the folder of the main package, Files are its Go files, and Path is its
	// import path.
	Package string
	Files   []string
	Path    string

	// Root is the folder of go.mod.
	Root string

	// Go is the release that go.mod names, "1.26" or "1.26.3".
	Go string

	// Folders are those with what the program may be compiled from. The first has the module.
	Folders []Folder

	// work is the go.work file that counts, "" for none. workNamed says that only GOWORK
	// leads to it, workOff that GOWORK forbids one.
	work               string
	workNamed, workOff bool
}

// Folder is a folder of this machine and where it lies when the program is compiled.
type Folder struct{ Dir, At string }

// Options are what decides how a module is read.
type Options struct {
	// Tags are Go build tags.
	Tags []string

	// Cgo says that files with cgo are compiled too.
	Cgo bool

	// Work is GOWORK.
	Work string
}

// Find reads the module of the main package in a folder.
func Find(dir string, o Options) (*Module, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding the Go module: %w", err)
	}
	m := &Module{Package: dir, Root: above(dir, "go.mod")}
	if m.Root == "" {
		return nil, fmt.Errorf("%s is part of no Go module: neither it nor a folder above has a go.mod", dir)
	}
	file, err := readMod(m.Root)
	if err != nil {
		return nil, err
	}
	if file.Module == nil {
		return nil, fmt.Errorf("%s has no module line: make one with `go mod init`", filepath.Join(m.Root, "go.mod"))
	}
	rel, err := filepath.Rel(m.Root, dir)
	if err != nil {
		return nil, fmt.Errorf("finding the Go module: %w", err)
	}
	m.Path = path.Join(file.Module.Mod.Path, filepath.ToSlash(rel))
	if err := module.CheckImportPath(m.Path); err != nil {
		return nil, fmt.Errorf("the go command cannot compile the program: %w: rename its folder, or the module in go.mod", err)
	}
	if m.Files, err = mainFiles(dir, o); err != nil {
		return nil, m.noMain(err, o)
	}
	var work *modfile.WorkFile
	if m.workOff = o.Work == "off"; !m.workOff {
		if work, err = m.readWork(o.Work); err != nil {
			return nil, err
		}
	}
	if m.Go, err = release(file, work); err != nil {
		return nil, err
	}
	return m, m.setFolders(file, work)
}

// Root is the folder of the module that a folder is part of, "" for none.
func Root(dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	return above(dir, "go.mod")
}

// FolderOf is the folder of a package of the module that a folder is part of, "" where the
// import path is of no such package.
func FolderOf(importPath, dir string) string {
	root, rel := cutModule(importPath, dir)
	if dir = filepath.Join(root, filepath.FromSlash(rel)); root == "" || !isFolder(dir) {
		return ""
	}
	return dir
}

// ModuleOf is the root of the module that a folder is part of, "" where an import path would
// not be of a package of it.
func ModuleOf(importPath, dir string) string {
	root, _ := cutModule(importPath, dir)
	return root
}

// cutModule cuts the path of the module that a folder is part of from an import path. The
// root is "" where it does not begin with that.
func cutModule(importPath, dir string) (root, rel string) {
	root = Root(dir)
	data, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil || root == "" {
		return "", ""
	}
	rel, ok := strings.CutPrefix(importPath+"/", modfile.ModulePath(data)+"/")
	if !ok {
		return "", ""
	}
	return root, rel
}

// Name is the program's file name in the image, as ko has it.
func (m *Module) Name() string { return path.Base(m.Path) }

// IsMain says that a folder has a main package.
func IsMain(dir string, o Options) bool {
	_, err := mainFiles(dir, o)
	return err == nil
}

// mainFiles are the Go files of the main package in a folder. The error says what else is
// there, on one line that reads on after the folder's name.
func mainFiles(dir string, o Options) ([]string, error) {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled, ctx.BuildTags = "linux", "amd64", o.Cgo, o.Tags
	pkg, err := ctx.ImportDir(dir, 0)
	var none *build.NoGoError
	var several *build.MultiplePackageError
	switch {
	case errors.As(err, &none) && len(pkg.IgnoredGoFiles) > 0:
		return nil, errors.New("has only Go files that are not compiled for Linux (build constraints, --tags)")
	case errors.As(err, &none):
		return nil, errors.New("has no Go files")
	case errors.As(err, &several):
		return nil, fmt.Errorf("has several packages: %s (%s) and %s (%s)", several.Packages[0], several.Files[0], several.Packages[1], several.Files[1])
	case err != nil:
		return nil, fmt.Errorf("cannot be read: %w", err)
	case pkg.Name != "main":
		return nil, fmt.Errorf("has package %s, which is no program", pkg.Name)
	}
	return append(pkg.GoFiles, pkg.CgoFiles...), nil
}

// noMain says what programs the module has, if the folder has none.
func (m *Module) noMain(err error, o Options) error {
	programs := programs(m.Root, o)
	switch len(programs) {
	case 0:
		return fmt.Errorf("%s %w, and the Go module in %s has no main package", m.Package, err, m.Root)
	case 1:
		return fmt.Errorf("%s %w: name the folder of the module's program, %s", m.Package, err, programs[0])
	}
	return fmt.Errorf("%s %w: name the folder of one of the module's programs: %s", m.Package, err, strings.Join(shortened(programs), ", "))
}

// programs are the folders of a module that have main packages, relative to its root.
func programs(root string, o Options) []string {
	var found []string
	_ = filepath.WalkDir(root, func(dir string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return nil //nolint:nilerr // what cannot be read is not listed
		}
		name := e.Name()
		switch {
		case dir == root:
		case name == "vendor", name == "testdata", name == "node_modules", strings.HasPrefix(name, "."), strings.HasPrefix(name, "_"):
			return fs.SkipDir
		default:
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				return fs.SkipDir // another module
			}
		}
		if IsMain(dir, o) {
			rel, _ := filepath.Rel(root, dir)
			found = append(found, "."+string(filepath.Separator)+rel)
		}
		return nil
	})
	return found
}

// shortened is a list as a message has it.
func shortened(list []string) []string {
	const most = 5
	if more := len(list) - most; more > 0 {
		return append(list[:most:most], fmt.Sprintf("and %d more", more))
	}
	return list
}

// above is the nearest folder from dir upwards that has a file of that name, "" for none.
func above(dir, name string) string {
	for {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.IsDir() {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// readMod reads the go.mod of a folder. Its errors begin with file and line.
func readMod(dir string) (*modfile.File, error) {
	name := filepath.Join(dir, "go.mod")
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the Go module: %w", err)
	}
	file, err := modfile.Parse(name, data, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the Go module: %w", firstLine(err))
	}
	return file, nil
}

// readWork reads the go.work that counts: the one that GOWORK names, else the nearest one
// above the module.
func (m *Module) readWork(asked string) (*modfile.WorkFile, error) {
	nearest := ""
	if dir := above(m.Root, "go.work"); dir != "" {
		nearest = filepath.Join(dir, "go.work")
	}
	var err error
	if m.work, err = filepath.Abs(cmp.Or(asked, nearest)); err != nil {
		return nil, fmt.Errorf("reading the Go workspace: %w", err)
	}
	m.workNamed = m.work != nearest
	switch {
	case asked == "" && nearest == "":
		m.work, m.workNamed = "", false
		return nil, nil
	case !within(m.Root, filepath.Dir(m.work)):
		return nil, fmt.Errorf("GOWORK is %q, and the Go module in %s is not below that file's folder: use a go.work above it, or GOWORK=off", asked, m.Root)
	}
	data, err := os.ReadFile(m.work)
	if err != nil {
		return nil, fmt.Errorf("reading the Go workspace: %w", err)
	}
	file, err := modfile.ParseWork(m.work, data, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the Go workspace: %w", firstLine(err))
	}
	return file, nil
}

// firstLine is an error of several lines as one.
func firstLine(err error) error {
	line, rest, _ := strings.Cut(err.Error(), "\n")
	if rest == "" {
		return err
	}
	return errors.New(line)
}
