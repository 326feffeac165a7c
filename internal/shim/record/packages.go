package record

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/environ"
	"github.com/dlvgen/dlvgen/internal/shim/toolflags"
)

// goPackage is a package as go list describes it, with the fields needed here.
type goPackage struct {
	Dir        string
	ImportPath string
	Name       string
	Target     string
	ForTest    string
	Standard   bool
	DepOnly    bool
	Module     *goModule

	GoFiles, CgoFiles, CFiles, CXXFiles, MFiles, HFiles []string
	FFiles, SFiles, SwigFiles, SwigCXXFiles             []string
}

// goModule is the module of a package. With Replace, Dir is the replacement's.
type goModule struct {
	Path    string
	Version string
	Main    bool
	Dir     string
	GoMod   string
	Replace *goModule
}

// packageFields is the argument of go list -json, from Go 1.19 on. Asking for
// few fields spares go list most of its work.
const packageFields = "Dir,ImportPath,Name,Target,ForTest,Standard,DepOnly,Module," +
	"GoFiles,CgoFiles,CFiles,CXXFiles,MFiles,HFiles,FFiles,SFiles,SwigFiles,SwigCXXFiles"

// listFlags are the build flags that decide which files belong to a build and
// that go list takes, too.
var listFlags = toolflags.Names(`asan buildmode compiler installsuffix linkshared mod modcacherw
	modfile msan overlay pkgdir race tags`)

// files returns the names of the package's source files: what the compilers and
// the assembler are given. Headers are not among them, which they read or not, and
// embedded files are not: they may hold secrets, and a debugger doesn't show them.
func (p goPackage) files() []string {
	var all []string
	for _, files := range [][]string{
		p.GoFiles, p.CgoFiles, p.CFiles, p.CXXFiles, p.MFiles,
		p.FFiles, p.SFiles, p.SwigFiles, p.SwigCXXFiles,
	} {
		all = append(all, files...)
	}
	return all
}

// listArgs returns the go list command line that names the packages of the call
// and their dependencies. GOFLAGS adds its part by itself; last are flags that
// win over the call's.
func (b Build) listArgs(last ...string) []string {
	minor := b.Facts.Minor()
	args := []string{"list"}
	if b.Call.Chdir != "" {
		args = append(args, "-C", b.Call.Chdir)
	}
	args = append(args, "-deps", jsonFlag(minor))
	if b.Call.Subcommand == "test" {
		args = append(args, "-test")
	}
	if minor >= 18 {
		args = append(args, "-buildvcs=false")
	}
	if minor >= 21 {
		args = append(args, "-pgo=off")
	}
	return slices.Concat(args, b.Call.FlagWords(listFlags), last, b.Call.Packages)
}

func jsonFlag(minor int) string {
	if minor < 19 {
		return "-json"
	}
	return "-json=" + packageFields
}

// listEnviron is the build's environment without the network: everything that
// go list needs the build has fetched, and it is for the build to report. GOSUMDB
// stays: a go command that go.mod makes switch to another toolchain insists on it.
func (b Build) listEnviron() environ.Environ {
	return b.Env.With("GOPROXY", "off").With("GONOPROXY", "none")
}

// runList runs go list in dir, the process's own where it is empty.
func (b Build) runList(ctx context.Context, dir string, env environ.Environ, args []string) ([]goPackage, error) {
	cmd := exec.CommandContext(ctx, b.Toolchain.Path, args...)
	cmd.Dir = dir
	cmd.Env = env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		reason, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		if reason == "" {
			reason = err.Error()
		}
		return nil, errors.New("listing what was compiled: " + reason)
	}
	b.Step.SayDownloads(stderr.String())
	var packages []goPackage
	decoder := json.NewDecoder(&stdout)
	for {
		var p goPackage
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, fmt.Errorf("reading the answer of go list: %w", err)
		}
		packages = append(packages, p)
	}
}

// listVersioned lists what `go install PACKAGE@VERSION` compiled. go list takes
// no versions, so the installed program is asked which version of its module it
// is of, and the list is made in that version's folder of the module cache, on a
// copy of its go.mod. The result is the same: such a module must not have replace
// or exclude lines, and no other requirements take part in the choice.
//
// Patterns (./cmd/...@v1) and modules without a go.mod give an error, as the
// programs' names or the module's root can't be told.
func (b Build) listVersioned(ctx context.Context) ([]goPackage, error) {
	var paths, targets []string
	for _, arg := range b.Call.Packages {
		path, _, _ := strings.Cut(arg, "@")
		if strings.Contains(path, "...") {
			return nil, errors.New("no record of go install with a pattern and a version: name the packages")
		}
		paths = append(paths, path)
		targets = append(targets, b.installTarget(path))
	}
	info, err := buildinfo.ReadFile(targets[0])
	if err != nil {
		return nil, fmt.Errorf("reading the build info of what was installed: %w", err)
	}
	dir := filepath.Join(b.Facts.GOMODCACHE, escapeModule(info.Main.Path)+"@"+escapeModule(info.Main.Version))
	packages, err := b.listModuleCopy(ctx, dir, paths)
	if err != nil {
		return nil, err
	}
	for i, p := range packages {
		for j, path := range paths {
			if p.ImportPath == path && !p.DepOnly {
				packages[i].Target = targets[j]
			}
		}
	}
	return packages, nil
}

// installTarget is where go install puts the program of an import path: GOBIN,
// else bin of the first folder of GOPATH, below it GOOS_GOARCH for foreign ones.
func (b Build) installTarget(importPath string) string {
	name := b.executable(goPackage{ImportPath: importPath})
	if b.Facts.GOBIN != "" {
		return filepath.Join(b.Facts.GOBIN, name)
	}
	first, _, _ := strings.Cut(b.Facts.GOPATH, string(filepath.ListSeparator))
	plain := filepath.Join(first, "bin", name)
	if _, err := os.Stat(plain); err == nil {
		return plain
	}
	return filepath.Join(first, "bin", b.Facts.GOOS+"_"+b.Facts.GOARCH, name)
}

// listModuleCopy lists packages of the module in dir. The go.mod and go.sum that
// go list may complete are copies: the module cache is not ours to write.
func (b Build) listModuleCopy(ctx context.Context, dir string, paths []string) ([]goPackage, error) {
	gomod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("reading the module of what was installed: %w", err)
	}
	temp, err := os.MkdirTemp("", "dlvgen-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(temp) }() // a step's /tmp is its own
	modfile := filepath.Join(temp, "go.mod")
	if err := os.WriteFile(modfile, gomod, fileMode); err != nil {
		return nil, err
	}
	b.Call.Chdir, b.Call.Packages = "", paths
	args := b.listArgs("-mod=mod", "-modfile="+modfile)
	return b.runList(ctx, dir, b.listEnviron().With("GOWORK", "off").With("GO111MODULE", "on"), args)
}

// escapeModule writes a module path or version as the module cache's folders
// have it: !a for A (golang.org/x/mod/module.EscapePath).
func escapeModule(path string) string {
	var b strings.Builder
	for _, r := range path {
		if 'A' <= r && r <= 'Z' {
			b.WriteByte('!')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
