package toolstree

import (
	"context"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/variants/delve"
)

// linkerFlags leave out the symbol table and DWARF: nobody debugs the tools in
// users' images, and Delve is a third smaller without.
const linkerFlags = "-ldflags=-s -w"

// goTool is the go command with an environment in which the checksum database
// cannot be switched off.
type goTool struct {
	version string // "go1.26.8"
	env     []string
}

// newGo takes the proxy, the checksum database and the caches from the user's
// settings, and nothing else.
func newGo(ctx context.Context) (*goTool, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "-json", "GOVERSION", "GOMODCACHE", "GOCACHE", "GOPROXY", "GOSUMDB").Output()
	if err != nil {
		return nil, fmt.Errorf("asking go for its environment: %w", err)
	}
	var settings struct{ GOVERSION, GOMODCACHE, GOCACHE, GOPROXY, GOSUMDB string }
	if err := json.Unmarshal(out, &settings); err != nil {
		return nil, fmt.Errorf("asking go for its environment: %w", err)
	}
	if settings.GOSUMDB == "off" {
		return nil, errors.New("GOSUMDB is off: Delve is only built with the checksum database on; unset GOSUMDB")
	}
	env := append(os.Environ(),
		"GOENV=off", // an empty variable falls back to what `go env -w` wrote
		"GOFLAGS=", "GOBIN=", "GOINSECURE=", "GOPRIVATE=", "GONOPROXY=", "GONOSUMDB=", "GONOSUMCHECK=", "GOWORK=off", "GOEXPERIMENT=", "GO111MODULE=",
		"GOPROXY="+settings.GOPROXY, "GOSUMDB="+settings.GOSUMDB, "GOMODCACHE="+settings.GOMODCACHE, "GOCACHE="+settings.GOCACHE,
		"CGO_ENABLED=0",
	)
	return &goTool{version: settings.GOVERSION, env: env}, nil
}

// run runs go for a platform in a folder. The error holds what go printed.
func (g *goTool) run(ctx context.Context, dir string, p Platform, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	// The lowest instruction set level, whatever the machine's own builds use.
	cmd.Env = slices.Concat(g.env, []string{"GOOS=" + p.OS, "GOARCH=" + p.Arch, "GOAMD64=", "GOARM64=", "GO386=", "GOPPC64=", "GORISCV64="}, env)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s for %s: %w: %s", strings.Join(args, " "), p, err, out)
	}
	return nil
}

// build compiles a program of this module.
func (g *goTool) build(ctx context.Context, repo string, p Platform, pkg, file string) error {
	return g.run(ctx, repo, p, nil, "build", "-trimpath", "-buildvcs=false", linkerFlags, "-o", file, pkg)
}

// installDelve compiles a version of Delve with the dependencies of its own go.mod. go install
// takes no -o, and no GOBIN for another platform, so it gets a GOPATH of its own.
func (g *goTool) installDelve(ctx context.Context, version string, p Platform, file string) (err error) {
	gopath, err := os.MkdirTemp("", "dlvgen-gopath-*")
	if err != nil {
		return fmt.Errorf("making Delve %s for %s: %w", version, p, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(gopath)) }()
	if err := g.run(ctx, gopath, p, []string{"GOPATH=" + gopath}, installArgs(version, p)...); err != nil {
		return err
	}
	built := filepath.Join(gopath, "bin", "dlv")
	if p != (Platform{runtime.GOOS, runtime.GOARCH}) {
		built = filepath.Join(gopath, "bin", p.OS+"_"+p.Arch, "dlv")
	}
	return place(built, file)
}

// downloadDelve gets what installDelve compiles.
func (g *goTool) downloadDelve(ctx context.Context, version string, p Platform) error {
	return g.run(ctx, os.TempDir(), p, nil, installArgs(version, p, "-n")...)
}

func installArgs(version string, p Platform, flags ...string) []string {
	args := append([]string{"install", "-trimpath", linkerFlags}, flags...)
	if tags, ok := delveTags[p.Arch]; ok {
		args = append(args, "-tags="+tags)
	}
	return append(args, delve.Package+"@v"+version)
}

// place copies a program under its final name, whole or not at all.
func place(from, to string) (err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("placing %s: %w", to, err)
	}
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("placing %s: %w", to, err)
	}
	defer in.Close()
	out, err := os.OpenFile(to+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return fmt.Errorf("placing %s: %w", to, err)
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(fmt.Errorf("placing %s: %w", to, err), out.Close(), os.Remove(to+".new"))
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("placing %s: %w", to, err)
	}
	return os.Rename(to+".new", to)
}

// isDelve says whether a file is what installDelve would make: the binary's own
// build information tells.
func (g *goTool) isDelve(file, version string, p Platform) bool {
	info, err := buildinfo.ReadFile(file)
	if err != nil || info.GoVersion != g.version || info.Main.Path != delve.Module || info.Main.Version != "v"+version {
		return false
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	return settings["GOOS"] == p.OS && settings["GOARCH"] == p.Arch && settings["CGO_ENABLED"] == "0" &&
		settings["-trimpath"] == "true" && settings["-tags"] == delveTags[p.Arch] && stripped(file)
}

func stripped(file string) bool {
	f, err := elf.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	return f.Section(".symtab") == nil && f.Section(".debug_info") == nil && f.Section(".zdebug_info") == nil
}
