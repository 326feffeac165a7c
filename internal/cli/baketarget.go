package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/bakefile"
	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/variants"
	"golang.org/x/sync/errgroup"
)

// skippedTarget is a target without debug variants, or without this one.
type skippedTarget struct {
	Target  string `json:"target"`
	Variant string `json:"variant,omitempty"` // empty for all
	Reason  string `json:"reason"`
}

// checksAtOnce is how many targets are explained at the same time.
const checksAtOnce = 4

// checkTargets explains each target, and tells which are skipped.
func (s streams) checkTargets(ctx context.Context, flags *bakeFlags, b *bakefile.Bake) ([]bakefile.Derived, []skippedTarget, error) {
	env, err := bake.ReadEnvironment()
	if err != nil {
		return nil, nil, err
	}
	targets := b.Production()
	checks := make([]targetCheck, len(targets))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(checksAtOnce)
	for i, t := range targets {
		group.Go(func() error {
			checks[i] = targetCheck{flags: &flags.buildFlags, target: t, what: "target", builder: "docker buildx bake", streams: s}
			if err := checks[i].run(ctx, env); err != nil {
				return fmt.Errorf("target %s: %w", t.Name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	var derived []bakefile.Derived
	skipped := []skippedTarget{}
	for _, c := range checks {
		skipped = append(skipped, c.skipped...)
		if len(c.variants) > 0 {
			derived = append(derived, bakefile.Derived{Target: c.target, Variants: c.variants})
		}
	}
	for _, one := range skipped {
		what := "skipped target " + one.Target
		if one.Variant != "" {
			what += ", variant " + one.Variant
		}
		s.tell(what + ": " + one.Reason)
	}
	if len(derived) == 0 {
		return nil, nil, errors.New("no target has a debug variant: name others, or see why with dlvgen explain")
	}
	return derived, skipped, nil
}

// targetCheck finds the variants that can be derived from a target.
type targetCheck struct {
	flags   *buildFlags
	target  *bakefile.Target
	streams streams

	// what the target is called where it is written, and what builds it.
	what, builder string

	// adapt changes what is asked for, if it is set.
	adapt func(*variants.Request)

	variants []variants.Request
	skipped  []skippedTarget
}

func (c *targetCheck) run(ctx context.Context, env bake.Environment) error {
	t := c.target
	if why := cmp.Or(t.NoImage(), debugsAlready(t)); why != "" {
		c.skip("", why)
		return nil
	}
	asked, err := c.presets()
	if err != nil {
		return err
	}
	for i, v := range asked {
		if c.adapt != nil {
			c.adapt(&asked[i])
		}
		if _, err := t.DebugTags(v); err != nil {
			c.skip("", err.Error())
			return nil
		}
	}
	if name := t.Linked(); name != "" {
		c.streams.tell(fmt.Sprintf("%s %s: not checked, since its context %s is the result of another %[1]s", c.what, t.Name, name))
		c.variants = asked
		return nil
	}
	results, err := c.explain(ctx, asked, env)
	var refusal *derive.RefusalError
	var missing *bake.MissingError
	switch {
	case errors.As(err, &refusal):
		c.skip("", refusal.Error())
		return nil
	case errors.As(err, &missing):
		c.skip("", missing.What+", so "+c.builder+" cannot build it")
		return nil
	case err != nil:
		return err
	}
	return c.take(results)
}

func (c *targetCheck) explain(ctx context.Context, asked []variants.Request, env bake.Environment) ([]*bake.Result, error) {
	r, err := bake.NewRequest(c.options(asked), env)
	if err != nil {
		return nil, err
	}
	return r.Explain(ctx, c.forExplain())
}

// presets are those that are asked for, of the project file of the target's context.
func (c *targetCheck) presets() ([]variants.Request, error) {
	flags := *c.flags
	flags.Context = c.target.Context
	return flags.presets()
}

// take parts the variants into those that can be derived, and those that cannot.
func (c *targetCheck) take(results []*bake.Result) error {
	reasons := map[string]bool{}
	for _, res := range results {
		explanations, err := res.Explanations()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(explanations, func(e derive.Explanation) bool { return e.Refusal != "" })
		if i < 0 {
			c.variants = append(c.variants, res.Request)
			continue
		}
		reasons[explanations[i].Refusal] = true
		c.skip(res.Preset, explanations[i].Refusal)
	}
	if len(c.variants) == 0 && len(reasons) == 1 {
		c.skipped = c.skipped[:1]
		c.skipped[0].Variant = ""
	}
	return nil
}

func (c *targetCheck) skip(variant, reason string) {
	c.skipped = append(c.skipped, skippedTarget{Target: c.target.Name, Variant: variant, Reason: reason})
}

// debugsAlready says why the target is a debug image itself, "" where it is none.
func debugsAlready(t *bakefile.Target) string {
	const variable = "DLVGEN_VARIANT"
	if variant := t.Args[variable]; variant != "" {
		return fmt.Sprintf("it is a debug image already, by its arg %s=%s", variable, variant)
	}
	if line := t.Args[argSyntax]; strings.Contains(line, " --variant") {
		return fmt.Sprintf("it is a debug image already, by its arg %s=%q", argSyntax, line)
	}
	return ""
}

const argSyntax = "BUILDKIT_SYNTAX"

// options are those of `dlvgen explain` for the target, as buildx reads it (toBuildOpt in
// bake/bake.go of v0.38.2).
func (c *targetCheck) options(asked []variants.Request) bake.Options {
	t := c.target
	o := bake.Options{
		Variants: asked, Context: t.Context, Dockerfile: dockerfileOf(t), Target: t.Stage, Platforms: t.Platforms,
		Progress: "quiet", Addr: c.flags.Addr, Builder: c.flags.Builder, FrontendImage: c.flags.FrontendImage,
	}
	for name, value := range t.Args {
		if name != argSyntax { // dlvgen reads the Dockerfile
			o.BuildArgs = append(o.BuildArgs, name+"="+value)
		}
	}
	for name, value := range t.Contexts {
		o.Contexts = append(o.Contexts, name+"="+strings.TrimPrefix(value, cwd))
	}
	if !bake.IsFolder(t.Context) {
		for _, secret := range t.Secrets { // for the server that the context comes from
			o.Secrets = append(o.Secrets, secret.String())
		}
	}
	return o
}

const cwd = "cwd://" // the folder that buildx runs in

// dockerfileOf is the Dockerfile of a target, "-" for one in the bake file.
func dockerfileOf(t *bakefile.Target) string {
	file, here := strings.CutPrefix(t.Dockerfile, cwd)
	switch {
	case t.DockerfileInline != "":
		return "-"
	case here:
		if abs, err := filepath.Abs(file); err == nil {
			return abs
		}
	case bake.IsFolder(t.Context) && !filepath.IsAbs(file):
		return filepath.Join(t.Context, file)
	}
	return path.Clean(filepath.ToSlash(file))
}

// forExplain are the streams of an explanation: stdin is the Dockerfile in the bake file.
func (c *targetCheck) forExplain() bake.Streams {
	s := c.streams.forBuild()
	s.In, s.Err = strings.NewReader(c.target.DockerfileInline), io.Discard
	return s
}
