package record

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/manifest"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

// programs returns the programs of the call, given its packages, with the path
// that each was written to: cmd/go's own rules (runBuild, InstallPackages and
// testBinaryName).
func (b Build) programs(packages []goPackage) []manifest.Program {
	var roots, mains []goPackage
	for _, p := range packages {
		if p.DepOnly || p.ForTest != "" {
			continue
		}
		roots = append(roots, p)
		isTest := strings.HasSuffix(p.ImportPath, ".test")
		if p.Name == "main" && isTest == (b.Call.Subcommand == "test") {
			mains = append(mains, p)
		}
	}
	switch b.Rewrite.Flags.Last("buildmode") {
	case "archive", "shared":
		return nil
	}
	var programs []manifest.Program
	for _, p := range mains {
		programs = append(programs, manifest.Program{ImportPath: p.ImportPath, Output: b.output(p, roots)})
	}
	return programs
}

func (b Build) output(p goPackage, roots []goPackage) string {
	name := b.executable(p)
	o := b.Rewrite.Flags.Last("o")
	switch b.Call.Subcommand {
	case "install":
		return p.Target
	case "test":
		name = b.testExecutable(p, roots)
	case "build":
		if o == "" && len(roots) > 1 {
			return "" // compiled, and thrown away
		}
	}
	switch o {
	case os.DevNull:
		return ""
	case "":
		return filepath.Join(b.dir, name)
	}
	target := o
	if !filepath.IsAbs(target) {
		target = filepath.Join(b.dir, target)
	}
	if strings.HasSuffix(o, "/") || step.IsDir(target) {
		target = filepath.Join(target, name)
	}
	return filepath.Clean(target)
}

// executable is the default name of a program (DefaultExecName): the last
// element of the import path that is no major version, or the first file's name
// where files were given.
func (b Build) executable(p goPackage) string {
	return executableName(p, b.Facts.GO111MODULE != "off") + b.suffix()
}

func executableName(p goPackage, modules bool) string {
	if p.ImportPath == commandLine {
		for _, file := range append(p.GoFiles, p.CgoFiles...) {
			return strings.TrimSuffix(file, ".go")
		}
		return ""
	}
	dir, name := path.Split(p.ImportPath)
	if modules && dir != "" && isMajorVersion(name) {
		name = path.Base(dir)
	}
	return name
}

// commandLine is the import path of a package that was given as files.
const commandLine = "command-line-arguments"

// testExecutable is the name of the test program main, which belongs to the root
// package of the same path without ".test".
func (b Build) testExecutable(main goPackage, roots []goPackage) string {
	tested := strings.TrimSuffix(main.ImportPath, ".test")
	name := executableName(goPackage{ImportPath: tested}, b.Facts.GO111MODULE != "off")
	if tested == commandLine {
		for _, p := range roots {
			if p.ImportPath == tested {
				name = p.Name
			}
		}
	}
	return name + ".test" + b.suffix()
}

func (b Build) suffix() string {
	switch b.Rewrite.Flags.Last("buildmode") {
	case "c-archive":
		return ".a"
	case "plugin":
		return ".so"
	}
	return b.Facts.GOEXE
}

// isMajorVersion tells whether a path element is v2, v3 and so on.
func isMajorVersion(element string) bool {
	digits, ok := strings.CutPrefix(element, "v")
	return ok && digits != "" && digits != "1" && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}
