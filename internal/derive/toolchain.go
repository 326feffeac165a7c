package derive

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/dlvgen/dlvgen/internal/derive/rootfs"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/moby/buildkit/frontend/gateway/client"
	digest "github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// usualPlaces are where toolchains lie that no PATH leads to: Makefiles call them
// by their full name.
var usualPlaces = []string{"/usr/local/go/bin", "/usr/lib/go/bin", "/usr/lib/golang/bin", "/opt/go/bin"}

// locate looks into the inputs of steps for Go toolchains, which evaluates the
// inputs: they are needed anyway.
func locate(ctx context.Context, c client.Client, steps []*llbgen.Step, imports []client.CacheOptionsEntry) (map[digest.Digest]llbgen.Toolchain, error) {
	found := make(map[digest.Digest]llbgen.Toolchain, len(steps))
	var mu sync.Mutex
	eg, ctx := errgroup.WithContext(ctx)
	for _, s := range steps {
		eg.Go(func() error {
			t, err := toolchainOf(ctx, c, s, imports)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			found[s.Digest] = t
			return nil
		})
	}
	return found, eg.Wait()
}

// toolchainOf looks for the toolchains in a step's input.
func toolchainOf(ctx context.Context, c client.Client, s *llbgen.Step, imports []client.CacheOptionsEntry) (llbgen.Toolchain, error) {
	def, err := s.Input()
	if err != nil || def == nil {
		return llbgen.Toolchain{}, err
	}
	res, err := c.Solve(ctx, client.SolveRequest{Definition: def, CacheImports: imports, Evaluate: true})
	if err != nil {
		return llbgen.Toolchain{}, err
	}
	ref, err := res.SingleRef()
	if err != nil || ref == nil {
		return llbgen.Toolchain{}, err
	}
	root := rootfs.FS{Ref: ref}
	var t llbgen.Toolchain
	for _, dir := range searchPath(s.Env) {
		p, err := goProgram(ctx, root, path.Join(dir, "go"))
		if err != nil {
			return t, err
		}
		if p != "" && !slices.Contains(t.Programs, p) {
			t.Programs = append(t.Programs, p)
		}
	}
	if len(t.Programs) > 0 {
		t.ModCache, err = emptyModCache(ctx, root, s)
	}
	return t, err
}

// goProgram resolves a path to the go command of a toolchain, "" where there is
// none: a go command has its GOROOT around it.
func goProgram(ctx context.Context, root rootfs.FS, p string) (string, error) {
	resolved, st, err := root.Resolve(ctx, p)
	if err != nil || st == nil || !fs.FileMode(st.Mode).IsRegular() {
		return "", err
	}
	goroot := path.Dir(path.Dir(resolved))
	version, err := root.Stat(ctx, path.Join(goroot, "VERSION"))
	if err != nil || version == nil {
		return "", err
	}
	return resolved, nil
}

// emptyModCache is the step's GOMODCACHE if it holds nothing yet.
func emptyModCache(ctx context.Context, root rootfs.FS, s *llbgen.Step) (string, error) {
	dir := modCacheOf(s)
	if dir == "" {
		return "", nil
	}
	resolved, st, err := root.Resolve(ctx, dir)
	if err != nil {
		return "", err
	}
	if st == nil {
		return dir, nil
	}
	entries, err := root.Ref.ReadDir(ctx, client.ReadDirRequest{Path: resolved})
	if err != nil {
		return "", fmt.Errorf("reading the module cache %s: %w", resolved, err)
	}
	if len(entries) > 0 {
		return "", nil
	}
	return dir, nil
}

// modCacheOf is GOMODCACHE as cmd/go finds it: the variable, else pkg/mod in the
// first folder of GOPATH, else below HOME, which BuildKit sets to /root for root.
func modCacheOf(s *llbgen.Step) string {
	if dir := llbgen.Variable(s.Env, "GOMODCACHE"); path.IsAbs(dir) {
		return dir
	}
	gopath, _, _ := strings.Cut(llbgen.Variable(s.Env, "GOPATH"), ":")
	if path.IsAbs(gopath) {
		return path.Join(gopath, "pkg/mod")
	}
	if home := llbgen.Variable(s.Env, "HOME"); path.IsAbs(home) {
		return path.Join(home, "go/pkg/mod")
	}
	if s.User == "" || s.User == "root" || s.User == "0" {
		return "/root/go/pkg/mod"
	}
	return ""
}

// searchPath lists the folders to look into, each once: those of PATH that are
// absolute, then the usual places.
func searchPath(vars []string) []string {
	var dirs []string
	for _, dir := range slices.Concat(strings.Split(llbgen.Variable(vars, "PATH"), ":"), usualPlaces) {
		if dir = path.Clean(dir); path.IsAbs(dir) && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
