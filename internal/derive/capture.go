package derive

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive/rootfs"
	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/shim/manifest"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/gateway/client"
	"golang.org/x/sync/errgroup"
)

// capture is what the stand-ins recorded in one step.
type capture struct {
	step  *llbgen.Step
	ref   client.Reference
	state llb.State

	// roots are the sources that root compiled, nil where the step has no output for them.
	roots *captured

	// users are the folders of the users who compiled.
	users     []string
	manifests []manifest.Manifest
}

// capturesOf reads the manifests of all steps, in their order. Beside them, the builder
// runs what else production is built from, which is read next.
func capturesOf(ctx context.Context, c client.Client, p *build) ([]capture, error) {
	captures := make([]capture, len(p.Steps))
	eg, ctx := errgroup.WithContext(ctx)
	eg.Go(func() error {
		if p.ref != nil { // which it is without any file
			// What fails here does so for who reads it, who knows what it is about.
			_, _ = p.ref.StatFile(ctx, client.StatRequest{Path: "."})
		}
		return nil
	})
	for i, s := range p.Steps {
		eg.Go(func() (err error) {
			captures[i], err = captureOf(ctx, c, s, p.before.CacheImports)
			return err
		})
	}
	return captures, eg.Wait()
}

// captureOf reads the manifests of one step.
func captureOf(ctx context.Context, c client.Client, s *llbgen.Step, imports []client.CacheOptionsEntry) (capture, error) {
	def, err := s.Capture()
	if err != nil {
		return capture{}, err
	}
	sources, err := s.Sources()
	if err != nil {
		return capture{}, err
	}
	// Both are asked for at once: BuildKit keeps those outputs of a step that are.
	var recorded, roots captured
	eg, egctx := errgroup.WithContext(ctx)
	eg.Go(func() (err error) {
		recorded, err = resultOf(egctx, c, def, imports)
		return err
	})
	if sources != nil {
		eg.Go(func() (err error) {
			roots, err = resultOf(egctx, c, sources, imports)
			return err
		})
	}
	if err := eg.Wait(); err != nil {
		return capture{}, err
	}
	got := capture{step: s, ref: recorded.ref, state: recorded.state}
	if sources != nil {
		got.roots = &roots
	}
	if err := got.read(ctx); err != nil {
		return capture{}, fmt.Errorf("reading what %q compiled: %w", s.Name, err)
	}
	return got, nil
}

// read reads the manifests of all users.
func (c *capture) read(ctx context.Context) error {
	users, err := c.ref.ReadDir(ctx, client.ReadDirRequest{Path: llbgen.CaptureRoot()})
	if err != nil {
		return err
	}
	for _, u := range users {
		if !fs.FileMode(u.Mode).IsDir() {
			continue
		}
		user := path.Join(llbgen.CaptureRoot(), path.Base(u.Path))
		manifests, err := manifestsIn(ctx, c.ref, llbgen.CaptureManifests(user))
		if err != nil {
			return err
		}
		if len(manifests) > 0 {
			c.users, c.manifests = append(c.users, user), append(c.manifests, manifests...)
		}
	}
	return nil
}

// manifestsIn reads the manifests of a folder, which need not be there.
func manifestsIn(ctx context.Context, ref client.Reference, dir string) ([]manifest.Manifest, error) {
	entries, err := ref.ReadDir(ctx, client.ReadDirRequest{Path: dir, IncludePattern: "*.json"})
	if rootfs.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	manifests := make([]manifest.Manifest, len(entries))
	for i, e := range entries {
		if manifests[i], err = manifestOf(ctx, ref, path.Join(dir, e.Path)); err != nil {
			return nil, err
		}
	}
	return manifests, nil
}

func manifestOf(ctx context.Context, ref client.Reference, p string) (manifest.Manifest, error) {
	var m manifest.Manifest
	dt, err := ref.ReadFile(ctx, client.ReadRequest{Filename: p})
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(dt, &m); err != nil {
		return m, fmt.Errorf("decoding %s: %w", path.Base(p), err)
	}
	return m, nil
}

// compiles tells whether any step compiled a program.
func compiles(captures []capture) bool {
	return slices.ContainsFunc(captures, func(c capture) bool { return len(c.manifests) > 0 })
}

// linksShared tells whether any call that compiled the program linked it to shared
// libraries of packages (forcedLdflags in cmd/go/internal/work/init.go).
func linksShared(captures []capture) bool {
	return slices.ContainsFunc(captures, func(c capture) bool {
		return slices.ContainsFunc(c.manifests, func(m manifest.Manifest) bool {
			return slices.Contains(append(strings.Fields(m.GoflagsBefore), m.ArgsBefore...), "-linkshared")
		})
	})
}

// makers are the captures with a call that compiled the program: the same build
// id, or, where a later step changed the file, the same main package.
func makers(captures []capture, facts *gobin.Facts) []capture {
	byID := func(p manifest.Program) bool { return p.BuildID != "" && p.BuildID == facts.BuildID }
	byPath := func(p manifest.Program) bool { return p.ImportPath == facts.Info.Path }
	for _, same := range []func(manifest.Program) bool{byID, byPath} {
		found := slices.DeleteFunc(slices.Clone(captures), func(c capture) bool { return len(c.calls(same)) == 0 })
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// calls are the manifests with a program of that kind.
func (c capture) calls(is func(manifest.Program) bool) []manifest.Manifest {
	return slices.DeleteFunc(slices.Clone(c.manifests), func(m manifest.Manifest) bool { return !slices.ContainsFunc(m.Programs, is) })
}

// leftOutOf lists the files that were compiled and not captured, in their order.
func leftOutOf(captures []capture) []variants.LeftOut {
	left := map[string]string{}
	for _, c := range captures {
		for _, m := range c.manifests {
			for _, l := range m.LeftOut {
				left[l.Path] = l.Reason
			}
		}
	}
	var all []variants.LeftOut
	for _, p := range slices.Sorted(maps.Keys(left)) {
		all = append(all, variants.LeftOut{Path: p, Reason: left[p]})
	}
	return all
}

// pathsOf are the roots of the paths in the debug information of what the
// captures compiled.
func pathsOf(captures []capture) []variants.PathRule {
	var rules []variants.PathRule
	for _, c := range captures {
		for _, m := range c.manifests {
			for _, r := range pathsIn(m) {
				if !slices.Contains(rules, r) {
					rules = append(rules, r)
				}
			}
		}
	}
	return rules
}

// pathsIn are the roots for one call. With -trimpath the main module's files are
// named after the module, and all others have relative names: dependencies
// module@version, the standard library its own (cmd/go/internal/work, trimpath).
func pathsIn(m manifest.Manifest) []variants.PathRule {
	rules := []variants.PathRule{
		{Path: m.ModuleDir, Kind: variants.PathModule, Module: m.Module},
		{Path: m.GOMODCACHE, Kind: variants.PathModCache},
		{Path: m.GOROOT, Kind: variants.PathGOROOT},
	}
	if m.Trimpath {
		rules = []variants.PathRule{
			{Path: m.Module, Source: m.ModuleDir, Kind: variants.PathModule, Module: m.Module},
			{Path: "", Source: m.GOMODCACHE, Kind: variants.PathModCache},
		}
	}
	return slices.DeleteFunc(rules, func(r variants.PathRule) bool { return r.Path == "" && r.Source == "" })
}
