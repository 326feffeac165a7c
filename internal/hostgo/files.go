package hostgo

import (
	"fmt"
	"path/filepath"

	"github.com/tonistiigi/fsutil"
)

// Files are what compiling takes of the GOROOT: of a quarter of a gigabyte, a half.
func (t *Toolchain) Files() (fsutil.FS, error) {
	root, err := fsutil.NewFS(t.Root)
	if err == nil {
		root, err = fsutil.NewFilterFS(root, &fsutil.FilterOpt{
			IncludePatterns: []string{"VERSION", "go.env", "bin/go", "lib", "pkg/include", "pkg/tool", "src"},
			ExcludePatterns: []string{"src/cmd", "**/testdata", "**/*_test.go"},
		})
	}
	if err != nil {
		return nil, fmt.Errorf("opening the GOROOT of %s: %w", t.Name, err)
	}
	return root, nil
}

// CertificateFile is the file of Certificates alone in its folder, and its name.
func CertificateFile() (files fsutil.FS, name string, err error) {
	file, err := Certificates()
	if err == nil {
		file, err = filepath.EvalSymlinks(file)
	}
	if err != nil {
		return nil, "", err
	}
	name = filepath.Base(file)
	dir, err := fsutil.NewFS(filepath.Dir(file))
	if err == nil {
		dir, err = fsutil.NewFilterFS(dir, &fsutil.FilterOpt{IncludePatterns: []string{name}})
	}
	if err != nil {
		return nil, "", fmt.Errorf("opening %s: %w", file, err)
	}
	return dir, name, nil
}
