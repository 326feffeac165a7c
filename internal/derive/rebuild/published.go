package rebuild

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/internal/derive/refuse"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/util/urlutil"
)

// published decides for the program of a published image: it is used as it is where that can
// be done, else compiled again or refused.
func (m ReadyMade) published(ctx context.Context) (*Plan, error) {
	sidecar, baked := m.Request.Variant.Kind == variants.KindSidecar, m.Request.Variant.Sources == variants.SourcesBaked
	cause := m.Program.Debuggable(m.Request)
	if cause == nil && !sidecar && !baked {
		return nil, nil
	}
	o, err := originOf(m.Program.Facts.Info, m.Published.Sources)
	if err != nil {
		return nil, m.notRebuilt(err)
	}
	return m.planOrigin(ctx, o)
}

// planOrigin plans the compile from what was chosen, which it reads.
func (m ReadyMade) planOrigin(ctx context.Context, o origin) (*Plan, error) {
	info := m.Program.Facts.Info
	tree, err := m.sourcesOf(ctx, o)
	if err != nil {
		return nil, err
	}
	if o.kind == variants.RebuildGit {
		if err := o.checkCommit(info, m.Published.Sources, tree.revision); err != nil {
			return nil, m.notRebuilt(err)
		}
	}
	f := from{kind: o.kind}
	if o.kind != variants.RebuildModule {
		found := tree.module(info.Main.Path)
		if found == nil {
			return nil, m.notRebuilt(fmt.Errorf("%s: name a checkout of its repository with --source", tree.lacks(info.Main.Path)))
		}
		f.dir = found.dir
	}
	plan, err := m.planFrom(f, tree)
	if err != nil {
		return nil, err
	}
	plan.Record.Repository, plan.Record.Warnings = urlutil.RedactCredentials(o.repository), o.warnings
	if slices.Contains(plan.Record.Command, "-trimpath") && m.Request.Variant.Kind != variants.KindSidecar { // which has production's bytes, or none
		plan.Record.Warnings = append(plan.Record.Warnings, "production's was compiled with -trimpath, which leaves -ldflags unrecorded: variables that it set with -X have the values of the source")
	}
	return plan, nil
}

// InGit is the same for the commit that the program names, where what it names first cannot be
// had. It is nil where it names no commit, or no repository, or other sources were asked for.
func (p *Plan) InGit(ctx context.Context) (*Plan, error) {
	if p.Published == nil || p.from.kind != variants.RebuildModule {
		return nil, nil
	}
	o, err := commitOf(p.compile.Info, p.Published.Sources)
	if err != nil {
		return nil, nil //nolint:nilerr // what the first choice lacks tells more
	}
	return p.planOrigin(ctx, o)
}

// notRebuilt refuses a program that nothing can compile again. What can be done with it as
// it is, is said too.
func (m ReadyMade) notRebuilt(cause error) error {
	optimized := m.Request
	optimized.Optimize = true
	asItIs := m.Request.Variant.Kind != variants.KindSidecar && !m.Request.Optimize && m.Program.Debuggable(optimized) == nil
	if asItIs && m.Request.Variant.Sources == variants.SourcesBaked {
		return refuse.NotCompiledAgain(m.Program.Path, m.Program.What(), cause, "--optimize and --sources=excluded debug it as it is: with optimizations, which hide variables and lines")
	}
	if asItIs {
		return refuse.NotCompiledAgain(m.Program.Path, m.Program.What(), cause, "--optimize debugs it as it is: with optimizations, which hide variables and lines")
	}
	return refuse.NotCompiledAgain(m.Program.Path, m.Program.What(), cause, "")
}

// sourcesOf reads what has the sources. It has no files where they are the module proxy's.
func (m ReadyMade) sourcesOf(ctx context.Context, o origin) (*buildContext, error) {
	switch o.kind {
	case variants.RebuildGit:
		return m.repository(ctx, o)
	case variants.RebuildModule:
		bc, err := dockerui.NewClient(m.Client)
		return &buildContext{client: bc}, err
	}
	tree, err := readContext(ctx, m.Client)
	if err != nil {
		return nil, err
	}
	tree.name = sourceFlag
	if m.Request.Variant.Kind == variants.KindSidecar && tree.revision != "" {
		// Production's bytes have the commit in them.
		tree.files = contextFiles(tree.client, "dlvgen-rebuild-git")
	}
	return tree, nil
}

// repository reads a git repository at a commit. What git keeps beside the files stays, so
// that the go command records the commit as it did for production.
func (m ReadyMade) repository(ctx context.Context, o origin) (*buildContext, error) {
	bc, err := dockerui.NewClient(m.Client)
	if err != nil {
		return nil, err
	}
	name := urlutil.RedactCredentials(o.repository)
	st := llb.Git(o.repository, o.ref, llb.KeepGitDir(), llb.WithCustomName("[dlvgen] fetch "+name+" at "+o.ref))
	tree := &buildContext{client: bc, name: "the repository " + name, files: func(context.Context) (llb.State, error) { return st, nil }}
	if err := tree.read(ctx, m.Client, st); err != nil {
		hint := fmt.Sprintf("%s of %s, to compile %s from, cannot be fetched: name a checkout with --source", o.ref, name, m.Program)
		return nil, &UnavailableError{cause: err, Hint: hint}
	}
	return tree, nil
}

// publishedOptions are what the compile gets beside what every step does: GOFLAGS, where modules
// come from, and secrets.
func publishedOptions(bc *dockerui.Client, s production.Sources) []llb.RunOption {
	opts := StepOptions(bc)
	for _, name := range append([]string{"GOFLAGS"}, production.ModuleVariables...) {
		if value, ok := bc.BuildArgs[name]; ok {
			opts = append(opts, llb.With(llb.AddEnv(name, value)))
		}
	}
	for _, id := range s.Secrets {
		if strings.HasPrefix(id, llb.GitAuthTokenKey) || strings.HasPrefix(id, llb.GitAuthHeaderKey) {
			continue // BuildKit's own, to fetch with
		}
		at, secret := "/run/secrets/"+id, []llb.SecretOption{llb.SecretID(id), llb.SecretOptional}
		switch {
		case id == "netrc" || id == "gitconfig": // where git and the go command look for them
			at = "/root/." + id
		case slices.Contains(production.ModuleVariables, id):
			at, secret = id, append(secret, llb.SecretAsEnv(true))
		}
		opts = append(opts, llb.AddSecret(at, secret...))
	}
	if s.SSH {
		opts = append(opts, llb.AddSSHSocket(llb.SSHID("default"), llb.SSHOptional))
	}
	return opts
}

// imageFlag is the flag that names the image with Go.
func (m ReadyMade) imageFlag() string {
	if m.Published != nil {
		return "--toolchain"
	}
	return "--rebuild-image"
}

// runOptions are those of the steps that compile.
func (p *Plan) runOptions() []llb.RunOption {
	if p.Published != nil {
		return publishedOptions(p.context.client, p.Published.Sources)
	}
	return StepOptions(p.context.client)
}
