package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/buildkit"
	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/tools"
	"github.com/dlvgen/dlvgen/internal/version"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// explainFlags are the flags of `dlvgen build` that decide what is built, or where,
// beside those of a derivation.
var explainFlags = []string{
	"variant", "config", "file", "platform", "target", "build-arg", "build-context", "ssh", "addr", "progress", "format",
}

func newExplainCommand(s streams) *cobra.Command {
	flags := &buildFlags{}
	cmd := &cobra.Command{
		Use:   "explain [CONTEXT]",
		Short: "Show what a build would do, without building",
		Long: `Show what a build would do, without building: which program the image starts and
what makes it, which steps compile with the stand-in for go and why, which come
from production's cache, which Delve fits, and what prevents a debug image.

Reads the Dockerfile and the build context as "dlvgen build" does. Runs no step,
and looks up base images without pulling them.

The exit code is 1 if a debug image cannot be derived.`,
		Example: `  dlvgen explain .
  dlvgen explain --target production --variant sidecar .
  dlvgen explain --print-llb .`,
		Args: oneContext("explained"),
		RunE: s.building(flags, (*builder).explain),
	}
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.register(all)
	cmd.Flags().SortFlags = false
	all.VisitAll(func(f *pflag.Flag) {
		if frontend.Settings(&variants.Request{}).Lookup(f.Name) != nil || slices.Contains(explainFlags, f.Name) {
			cmd.Flags().AddFlag(f)
		}
	})
	return cmd
}

// explained is what one variant's derivation would do.
type explained struct {
	images []derive.Explanation // one for each platform
	trees  [][]byte
}

// explain explains each variant, and returns the first refusal.
func (b *builder) explain(ctx context.Context) error {
	in, err := loadInputs(b.context, b.dockerfile, b.contexts, b.streams.in)
	if err != nil {
		return err
	}
	defer in.close()
	list, err := b.explainAll(ctx, in)
	if err != nil {
		return err
	}
	if err := b.printExplained(list); err != nil {
		return err
	}
	for _, one := range list {
		for _, e := range one.images {
			if e.Refusal != "" {
				return errors.New(visible.Line(e.Refusal))
			}
		}
	}
	return nil
}

// explainAll asks for one explanation after the other: there is little to wait for.
func (b *builder) explainAll(ctx context.Context, in *inputs) ([]explained, error) {
	c, err := buildkit.Connect(ctx, buildkit.Options{Addr: b.addr, Host: os.Getenv("BUILDKIT_HOST"), Notify: b.notify})
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	progress, err := buildkit.NewProgress(context.WithoutCancel(ctx), b.streams.err, b.progress)
	if err != nil {
		return nil, err
	}
	var list []explained
	for _, p := range b.presets {
		one, failed := b.explainOne(ctx, c.Build, p, in, progress)
		if failed != nil {
			err = failed
			break
		}
		list = append(list, one)
	}
	warnings, progressErr := progress.Wait()
	b.printWarnings(warnings)
	return list, errors.Join(err, progressErr)
}

// explainOne runs the frontend for one preset.
func (b *builder) explainOne(ctx context.Context, build buildCall, p preset, in *inputs, progress *buildkit.Progress) (explained, error) {
	var one explained
	attachables, err := b.attachables(b.docker, in)
	if err != nil {
		return one, err
	}
	options, err := b.solveOpt(p, in, attachables)
	if err != nil {
		return one, err
	}
	tree, digest, err := tools.FS()
	if err != nil {
		return one, err
	}
	name := tools.LocalName(digest)
	options.LocalMounts[name] = tree
	f := frontend.New(frontend.Config{Tools: frontend.LocalTools(name), Version: version.Version()})
	var meta map[string][]byte
	_, err = build(ctx, options, "dlvgen", func(ctx context.Context, gw gateway.Client) (*gateway.Result, error) {
		res, err := f.Explain(ctx, gw)
		if err == nil {
			meta = res.Metadata
		}
		return gateway.NewResult(), err
	}, progress.Source(""))
	if err != nil {
		return one, err
	}
	one.trees = values(meta, frontend.MetaLLB)
	for _, dt := range values(meta, frontend.MetaExplanation) {
		var e derive.Explanation
		if err := json.Unmarshal(dt, &e); err != nil {
			return one, fmt.Errorf("reading the explanation: %w", err)
		}
		one.images = append(one.images, e)
	}
	return one, nil
}

// printExplained writes the explanations to stdout: pages, or an array with an
// element for each variant and platform.
func (b *builder) printExplained(list []explained) error {
	if b.format == formatJSON {
		records := []explainRecord{}
		for _, one := range list {
			for i, e := range one.images {
				r := explainRecord{Explanation: e}
				if i < len(one.trees) {
					r.LLB = string(one.trees[i])
				}
				records = append(records, r)
			}
		}
		return writeJSON(b.streams.out, records)
	}
	first := true
	for _, one := range list {
		for i, e := range one.images {
			if !first {
				if _, err := fmt.Fprintln(b.streams.out); err != nil {
					return err
				}
			}
			first = false
			if err := writePage(b.streams.out, e); err != nil {
				return err
			}
			if i < len(one.trees) {
				if _, err := fmt.Fprintf(b.streams.out, "\n%s", visible.Lines(string(one.trees[i]))); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// explainRecord is one image in the output of --format json.
type explainRecord struct {
	derive.Explanation
	LLB string `json:"llb,omitempty"`
}

// buildCall is client.Client.Build.
type buildCall func(context.Context, client.SolveOpt, string, gateway.BuildFunc, chan *client.SolveStatus) (*client.SolveResponse, error)
