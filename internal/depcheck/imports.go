// Package depcheck holds the rules on which package may import which. Its test
// enforces them.
package depcheck

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

// Module is the path of this module.
const Module = "github.com/dlvgen/dlvgen"

// Package is what go list says of a package.
type Package struct {
	ImportPath string
	Imports    []string // those in its own files
	Deps       []string // all that is linked with it

	// TestImports are those of its tests in its own package, XTestImports of those outside.
	TestImports, XTestImports []string

	Dir       string
	GoFiles   []string
	ImportMap map[string]string // where the path of an import is not the package's
	Standard  bool
	Error     *struct{ Err string }
}

// List describes the packages that match patterns of go list, without their tests. dir is
// a folder inside the module.
func List(ctx context.Context, dir string, patterns ...string) ([]Package, error) {
	return list(ctx, dir, nil, patterns...)
}

func list(ctx context.Context, dir string, env []string, args ...string) ([]Package, error) {
	args = append([]string{"list", "-json=ImportPath,Imports,Deps,TestImports,XTestImports,Dir,GoFiles,ImportMap,Standard,Error"}, args...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return nil, fmt.Errorf("listing packages: %w: %s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("listing packages: %w", err)
	}
	var packages []Package
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p Package
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages, nil
		}
		if err != nil {
			return nil, fmt.Errorf("listing packages: %w", err)
		}
		packages = append(packages, p)
	}
}

// Rule says what a package, and those below it, may not import.
type Rule struct {
	// Name of the package, relative to the module: "variants". "..." at its end
	// means those below it too.
	Name string

	// Never are path prefixes that must not be imported directly: "os" is also "os/exec".
	Never []string

	// NeverLinked are path prefixes that must not be linked, by whatever way.
	NeverLinked []string

	// Only, when set, are the only path prefixes outside of the standard library
	// that may be linked.
	Only []string

	// TestsNever are path prefixes that the package's tests must not import.
	TestsNever []string

	// Except are imports that Never does not mean.
	Except []string
}

// Rules are those of the design: imports point one way, from the command line
// down to the pure domain.
func Rules() []Rule {
	const buildkit, registry = "github.com/moby/buildkit", "github.com/google/go-containerregistry"
	impure := []string{"os", "net", "syscall", "math/rand", "crypto/rand", "io/ioutil", "github.com/docker"}
	own := func(names ...string) []string {
		var paths []string
		for _, name := range names {
			paths = append(paths, Module+"/"+name)
		}
		return paths
	}
	return []Rule{
		{
			Name: "variants/...", Never: impure, Except: []string{"net"}, // for SplitHostPort
			NeverLinked: append(own("llbgen", "frontend", "internal/cli", "internal/bake", "internal/buildkit", "internal/registry", "cmd"), buildkit, registry),
		},
		{Name: "variants/delve", NeverLinked: own("variants"), Never: impure, Except: []string{"net"}},
		{
			Name: "llbgen/...", Never: impure,
			NeverLinked: append(own("frontend", "internal/cli", "internal/bake", "internal/buildkit", "internal/registry", "cmd"), registry),
		},
		{Name: "frontend/...", NeverLinked: append(own("internal/cli", "internal/bake", "internal/buildkit", "internal/registry", "internal/tools", "cmd"), registry)},
		{Name: "internal/shell", Never: impure, Only: []string{"mvdan.cc/sh/v3"}},
		// Without flags and registries, and tested without a daemon.
		{
			Name: "internal/derive/...", TestsNever: own("internal/testenv"),
			NeverLinked: append(own("frontend", "internal/cli", "internal/bake", "internal/buildkit", "internal/registry", "internal/tools", "cmd"), registry, "github.com/spf13/cobra"),
		},
		{Name: "internal/derive/production", NeverLinked: own("llbgen", "variants", "internal/derive")},
		{Name: "internal/derive/refuse", NeverLinked: own("llbgen", "variants", "internal/derive")},
		{Name: "internal/derive/find", NeverLinked: own("internal/derive/rebuild")},
		{Name: "internal/gobin", NeverLinked: append(own("variants", "llbgen", "frontend", "internal/cli", "internal/bake", "internal/buildkit", "internal/registry"), buildkit, registry)},
		{Name: "internal/registry/...", NeverLinked: append(own("llbgen", "frontend", "internal/cli", "internal/bake", "internal/buildkit"), buildkit)},
		{Name: "internal/buildkit/...", NeverLinked: append(own("llbgen", "frontend", "internal/cli", "internal/bake", "internal/registry"), registry)},
		{Name: "internal/docker/...", NeverLinked: append(own("llbgen", "frontend", "internal/cli", "internal/bake", "internal/buildkit", "internal/registry"), buildkit, registry)},
		// It knows files, processes and connections: what is built and runs, its caller says.
		{Name: "internal/watch", NeverLinked: append(own("variants", "llbgen", "frontend", "internal/cli", "internal/bake", "internal/buildkit", "internal/registry", "internal/docker", "cmd"), buildkit, registry, "github.com/spf13/cobra")},
		// Kubernetes' own types of the whole API would make dlvgen a tenth larger.
		{Name: "internal/cluster", NeverLinked: append(own("variants", "llbgen", "frontend", "internal/cli", "internal/bake", "internal/buildkit", "internal/registry", "internal/session"), buildkit, registry, "k8s.io/api", "k8s.io/client-go/kubernetes")},
		// What is debugged is found and started without flags, and built by somebody else.
		{Name: "internal/session", NeverLinked: append(own("llbgen", "frontend", "internal/cli", "internal/bake", "internal/buildkit", "cmd"), buildkit, "github.com/spf13/cobra")},
		// It may come to run beside the program.
		{Name: "internal/trace", Only: append(own("internal/delverpc", "internal/visible"), "github.com/agext/levenshtein")},
		{Name: "internal/doctor", NeverLinked: own("llbgen", "frontend", "internal/cli", "internal/bake", "cmd")},
		// What is built of a module is a text; who builds it is another matter.
		{
			Name:        "internal/gomodule",
			NeverLinked: append(own("variants", "llbgen", "frontend", "internal/derive", "internal/cli", "internal/bake", "internal/buildkit", "internal/registry", "cmd"), buildkit, registry),
		},
		// A request may come from elsewhere than the command line.
		{Name: "internal/bake/...", NeverLinked: own("internal/cli", "cmd"), Never: []string{"github.com/spf13/pflag", "github.com/spf13/cobra"}}, // docker's contexts link both
		// buildx reads bake files, as a program: its packages would make dlvgen a third larger.
		{Name: "internal/bakefile", NeverLinked: append(own("internal/cli", "internal/bake", "internal/buildkit", "cmd"), "github.com/docker/buildx")},
		// It reads and writes texts: what an image is, its caller says.
		{Name: "internal/composefile", NeverLinked: append(own("internal/cli", "internal/bake", "internal/buildkit", "internal/docker", "cmd"), "github.com/docker/buildx")},
		{Name: "cmd/dlvgen-frontend", NeverLinked: append(own("internal/cli", "internal/bake", "internal/registry"), registry)},
		// Mounted into strangers' images: small, static, no surprises.
		{Name: "internal/shim/...", Only: own("internal/layout", "internal/shim")},
		// What is read of a call is read elsewhere too, and starts nothing.
		{Name: "internal/shim/toolflags", Only: own("internal/shim/toolflags"), Never: impure},
		{Name: "internal/shim/gocall", Only: own("internal/shim/gocall", "internal/shim/link", "internal/shim/toolflags", "internal/shim/environ")},
		{Name: "internal/shim/manifest", Only: []string{}, Never: impure},
		{Name: "internal/shim/record", NeverLinked: own("internal/shim/standin")},
		{Name: "internal/shim/standin", NeverLinked: own("internal/shim/record", "internal/shim/toolchain")},
		{Name: "internal/procfs/...", Only: own("internal/procfs")},
		// Delve's own client links the debugger, and net/rpc a web server.
		{Name: "internal/delverpc", Only: []string{}, NeverLinked: []string{"net/http"}},
		{Name: "internal/launch/...", Only: own("internal/layout", "internal/planfile", "internal/procfs", "internal/gobin", "internal/delverpc", "internal/launch")},
		{Name: "internal/sidecar/...", Only: own("internal/layout", "internal/planfile", "internal/procfs", "internal/gobin", "internal/delverpc", "internal/sidecar")},
		{Name: "cmd/dlvgen-go", Only: own("internal/layout", "internal/shim")},
		{Name: "cmd/dlvgen-init", Only: own("internal/layout", "internal/planfile", "internal/procfs", "internal/gobin", "internal/delverpc", "internal/launch", "internal/sidecar")},
		// The bench is for tests and the demo.
		{Name: "cmd/...", NeverLinked: own("internal/testenv")},
	}
}

// Check lists what breaks the rule. standard has the standard library's paths.
func (r Rule) Check(p Package, standard map[string]bool) []string {
	if !r.Matches(p.ImportPath) {
		return nil
	}
	var broken []string
	for _, imported := range p.Imports {
		if within(imported, r.Never) && !slices.Contains(r.Except, imported) {
			broken = append(broken, fmt.Sprintf("%s imports %s, which its rule forbids", p.ImportPath, imported))
		}
	}
	for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
		if within(imported, r.TestsNever) {
			broken = append(broken, fmt.Sprintf("a test of %s imports %s: it is to need no daemon", p.ImportPath, imported))
		}
	}
	for _, dep := range p.Deps {
		if within(dep, r.NeverLinked) && dep != p.ImportPath {
			broken = append(broken, fmt.Sprintf("%s depends on %s: imports point the other way", p.ImportPath, dep))
		}
		if r.Only != nil && !standard[dep] && !within(dep, r.Only) {
			broken = append(broken, fmt.Sprintf("%s depends on %s: only the standard library and %s may be linked", p.ImportPath, dep, strings.Join(r.Only, ", ")))
		}
	}
	return broken
}

// Matches says whether the rule is about the package of that path.
func (r Rule) Matches(importPath string) bool {
	name, ok := strings.CutPrefix(importPath, Module+"/")
	if !ok {
		return false
	}
	if tree, ok := strings.CutSuffix(r.Name, "/..."); ok {
		return within(name, []string{tree})
	}
	return name == r.Name
}

// within says whether a path is one of the prefixes or below one.
func within(path string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool {
		return path == prefix || strings.HasPrefix(path, prefix+"/")
	})
}
