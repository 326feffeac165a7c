package frontend

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/shim"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/gateway/client"
	"golang.org/x/sync/errgroup"
)

// capture is what the stand-ins recorded in one step.
type capture struct {
	step      *llbgen.Step
	ref       client.Reference
	state     llb.State
	manifests []shim.Manifest
}

// capturesOf reads the manifests of all steps, in their order.
func capturesOf(ctx context.Context, c client.Client, p *production) ([]capture, error) {
	captures := make([]capture, len(p.Steps))
	eg, ctx := errgroup.WithContext(ctx)
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
	res, err := c.Solve(ctx, client.SolveRequest{Definition: def, CacheImports: imports})
	if err != nil {
		return capture{}, err
	}
	ref, err := res.SingleRef()
	if err != nil {
		return capture{}, err
	}
	op, err := llb.NewDefinitionOp(def)
	if err != nil {
		return capture{}, err
	}
	got := capture{step: s, ref: ref, state: llb.NewState(op)}
	entries, err := ref.ReadDir(ctx, client.ReadDirRequest{Path: llbgen.CaptureManifests(), IncludePattern: "*.json"})
	if isNotExist(err) {
		return got, nil
	}
	if err != nil {
		return capture{}, fmt.Errorf("reading what %q compiled: %w", s.Name, err)
	}
	for _, e := range entries {
		m, err := manifestOf(ctx, ref, path.Join(llbgen.CaptureManifests(), e.Path))
		if err != nil {
			return capture{}, fmt.Errorf("reading what %q compiled: %w", s.Name, err)
		}
		got.manifests = append(got.manifests, m)
	}
	return got, nil
}

func manifestOf(ctx context.Context, ref client.Reference, p string) (shim.Manifest, error) {
	var m shim.Manifest
	dt, err := ref.ReadFile(ctx, client.ReadRequest{Filename: p})
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(dt, &m); err != nil {
		return m, fmt.Errorf("decoding %s: %w", path.Base(p), err)
	}
	return m, nil
}

// makers are the captures with a call that compiled the program: the same build
// id, or, where a later step changed the file, the same main package.
func makers(captures []capture, facts *gobin.Facts) []capture {
	byID := func(p shim.Program) bool { return p.BuildID != "" && p.BuildID == facts.BuildID }
	byPath := func(p shim.Program) bool { return p.ImportPath == facts.Info.Path }
	for _, same := range []func(shim.Program) bool{byID, byPath} {
		found := slices.DeleteFunc(slices.Clone(captures), func(c capture) bool { return len(c.calls(same)) == 0 })
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// calls are the manifests with a program of that kind.
func (c capture) calls(is func(shim.Program) bool) []shim.Manifest {
	return slices.DeleteFunc(slices.Clone(c.manifests), func(m shim.Manifest) bool { return !slices.ContainsFunc(m.Programs, is) })
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
func pathsIn(m shim.Manifest) []variants.PathRule {
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
