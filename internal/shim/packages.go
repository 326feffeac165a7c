package shim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
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
var listFlags = names(`asan buildmode compiler installsuffix linkshared mod modcacherw
	modfile msan overlay pkgdir race tags`)

// listError says that go list failed and why, in its first line.
type listError struct{ reason string }

func (e *listError) Error() string { return "listing what was compiled: " + e.reason }

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
func (b build) listArgs(last ...string) []string {
	minor := b.facts.minor()
	args := []string{"list"}
	if b.call.chdir != "" {
		args = append(args, "-C", b.call.chdir)
	}
	args = append(args, "-deps", jsonFlag(minor))
	if b.call.subcommand == "test" {
		args = append(args, "-test")
	}
	if minor >= 18 {
		args = append(args, "-buildvcs=false")
	}
	if minor >= 21 {
		args = append(args, "-pgo=off")
	}
	for _, a := range b.call.args {
		if a.flag != nil && listFlags[a.flag.name] {
			args = append(args, a.words...)
		}
	}
	return slices.Concat(args, last, b.call.packages)
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
func (b build) listEnviron() environ {
	return b.env.with("GOPROXY", "off").with("GONOPROXY", "none")
}

// runList runs go list in dir, the process's own where it is empty.
func (b build) runList(ctx context.Context, dir string, env environ, args []string) ([]goPackage, error) {
	cmd := exec.CommandContext(ctx, b.toolchain.path, args...)
	cmd.Dir = dir
	cmd.Env = env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		reason, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		if reason == "" {
			reason = err.Error()
		}
		return nil, &listError{reason: reason}
	}
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
