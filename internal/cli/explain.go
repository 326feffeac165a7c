package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/derive/page"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// explainFlags are the flags of `dlvgen build` that decide what is built, or where,
// beside those of a derivation.
var explainFlags = []string{
	"variant", "config", "module", "base", "ldflags", "tags", "goflags", "file", "platform", "target", "build-arg", "build-context", "ssh", "addr", "builder", "frontend-image", "progress",
}

func newExplainCommand(s streams) *cobra.Command {
	flags := &buildFlags{}
	cmd := &cobra.Command{
		Use:   "explain [CONTEXT]",
		Short: "Show what a build would do, without building",
		Long: `Show what a build would do, without building: which program the image starts and
what makes it, which steps compile with the stand-in for go and why, which come
from production's cache, which Delve fits, and what prevents a debug image.

Reads the Dockerfile and the build context as "dlvgen build" does. Runs
no step, and looks up base images without pulling them.

The exit code is 1 if a debug image cannot be derived.`,
		Example: `  dlvgen explain .
  dlvgen explain --target production --variant sidecar .
  dlvgen explain --format svg . > build.svg
  dlvgen explain --print-llb .`,
		Args: oneContext("explained"),
		RunE: s.building(flags, s.explain),
	}
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.register(all)
	cmd.Flags().SortFlags = false
	addShared(cmd.Flags(), all, explainFlags)
	flags.format.registerPictures(cmd.Flags())
	formats := words(string(formatText), string(formatJSON), string(formatSVG), string(formatDot))
	_ = cmd.RegisterFlagCompletionFunc("format", formats) // the flag exists
	return cmd
}

// explain explains each variant, and returns the first refusal.
func (s streams) explain(ctx context.Context, flags *buildFlags, r *bake.Request) error {
	if flags.Production {
		return errors.New("the production image has no debugger to explain: name a variant with --variant")
	}
	results, err := r.Explain(ctx, s.forBuild())
	if err != nil {
		return err
	}
	records := []explainRecord{}
	var refusal error
	for _, res := range results {
		explanations, err := res.Explanations()
		if err != nil {
			return err
		}
		trees := res.Trees()
		for i, e := range explanations {
			one := explainRecord{Explanation: e}
			if i < len(trees) {
				one.LLB = string(trees[i])
			}
			records = append(records, one)
			if e.Refusal != "" && refusal == nil {
				refusal = errors.New(visible.Line(e.Refusal))
			}
		}
	}
	return cmp.Or(s.printExplained(flags.format, records), refusal)
}

// explainRecord is one image in the output of --format json.
type explainRecord struct {
	derive.Explanation
	LLB string `json:"llb,omitempty"`
}

// printExplained writes the explanations to stdout: pages, an array, or pictures.
func (s streams) printExplained(format formatValue, records []explainRecord) error {
	switch format {
	case formatJSON:
		return writeJSON(s.out, records)
	case formatSVG:
		return page.WriteSVG(s.out, explanationsOf(records))
	case formatDot:
		return page.WriteDot(s.out, explanationsOf(records))
	}
	var b bytes.Buffer
	for i, r := range records {
		if i > 0 {
			b.WriteString("\n")
		}
		page.Write(&b, r.Explanation)
		if r.LLB != "" {
			fmt.Fprintf(&b, "\n%s", visible.Lines(r.LLB))
		}
	}
	_, err := s.out.Write(b.Bytes())
	return err
}

func explanationsOf(records []explainRecord) []derive.Explanation {
	var explanations []derive.Explanation
	for _, r := range records {
		explanations = append(explanations, r.Explanation)
	}
	return explanations
}
