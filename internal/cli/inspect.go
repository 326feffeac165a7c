package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/cobra"
)

func newInspectCommand(s streams) *cobra.Command {
	flags := &registryFlags{}
	cmd := &cobra.Command{
		Use:   "inspect REF",
		Short: "Show the plan of a debug image in a registry",
		Long: `Show the plan of a debug image in a registry: which program is debugged, how it
and the debugger start, and what was added to the production image. One plan for
each platform. The image has it as /.dlvgen/plan.json.

REF is a tag or a digest. With --format json, prints the plans as they are.`,
		Example: `  dlvgen inspect registry.example/app:v1-debug
  dlvgen inspect registry.example/app:v1-debug --format json`,
		Args: oneImage("inspected"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, digest, err := registry.ParseImage(args[0])
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			return s.inspect(cmd.Context(), flags, ref, digest)
		},
	}
	cmd.Flags().SortFlags = false
	flags.register(cmd.Flags())
	return cmd
}

// planRecord is one image in the output of --format json.
type planRecord struct {
	Platform string          `json:"platform"`
	Digest   string          `json:"digest"`
	Plan     json.RawMessage `json:"plan"`

	Layers []registry.ImageLayer `json:"layers"`
}

func (s streams) inspect(ctx context.Context, flags *registryFlags, ref registry.Reference, digest string) error {
	plans, err := flags.client(s).Plans(ctx, ref, digest)
	if err != nil {
		return err
	}
	records := []planRecord{}
	for _, p := range plans {
		layers, err := p.Layers()
		if err != nil {
			return err
		}
		records = append(records, planRecord{p.Platform, p.Digest, p.Raw, layers})
	}
	if flags.format == formatJSON {
		return writeJSON(s.out, records)
	}
	var b bytes.Buffer
	for i, p := range plans {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s (%s)\n", visible.Line(withDigest(ref, p.Digest)), visible.Line(p.Platform))
		writePlan(&b, p.Plan, records[i].Layers)
	}
	_, err = s.out.Write(b.Bytes())
	return err
}

// writePlan writes a plan in words, with the sizes of the image's layers. Whoever pushed the image
// wrote it.
func writePlan(w io.Writer, p *variants.Plan, layers []registry.ImageLayer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	say := func(name, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); text != "" {
			_, _ = fmt.Fprintf(t, "  %s\t%s\n", name, visible.Line(text))
		}
	}
	v := p.Request.Variant
	say("variant", "%s, sources %s", cmp.Or(p.Request.Preset, v.Name), v.Sources)
	say("derived by", "dlvgen %s", p.Version)
	if p.Production.Reference != "" {
		say("production", "%s", p.Production.Reference)
	}
	say("program", "%s, compiled with %s", p.Program.Path, strings.Replace(p.Program.GoVersion, "go", "Go ", 1))
	say("package", "%s", cmp.Or(p.Program.ImportPath, p.Program.Module))
	if p.Program.Rebuilt != nil {
		say("rebuilt from", "%s", p.Program.Rebuilt)
	}
	say("compiled", "%s", compiledAs(p))
	say("debugger", "Delve %s%s", p.Delve, listening(p))
	say("starts", "%s", strings.Join(append(append([]string{}, p.Entrypoint...), p.Command...), " "))
	say("then", "%s", whatStarts(p))
	for _, rule := range p.Paths {
		say("source path", "%s: %s", cmp.Or(rule.Path, "module@version"), pathOf(rule))
	}
	for _, file := range p.LeftOut {
		say("left out", "%s: %s", file.Path, file.Reason)
	}
	all, added := pulled(layers)
	for i, layer := range p.Layers {
		text := layer.Files + ": " + layer.Description
		if len(added) == len(p.Layers) {
			text += ", " + size(added[i].Size)
		}
		say("added", "%s", text)
	}
	say("size", "%s in %d layers", size(all), len(layers))
	_ = t.Flush()
}

// pulled is the size of layers together, and those of them that dlvgen added.
func pulled(layers []registry.ImageLayer) (all int64, added []registry.ImageLayer) {
	for _, l := range layers {
		all += l.Size
		if l.Added {
			added = append(added, l)
		}
	}
	return all, added
}

func compiledAs(p *variants.Plan) string {
	switch {
	case p.Request.Variant.Kind == variants.KindSidecar:
		return "with production's own flags: these are its symbols"
	case p.Request.Optimize:
		return "optimized as in production"
	}
	return "without optimizations"
}

// listening is where a debugger can be reached that starts with the container.
func listening(p *variants.Plan) string {
	if p.Request.Variant.Kind.Serves() {
		return ", listens on " + p.Request.Listen
	}
	return ""
}

func whatStarts(p *variants.Plan) string {
	switch p.Request.Variant.Kind {
	case variants.KindSidecar:
		return "attaches to the program of a container whose processes it shares"
	case variants.KindAttach:
		return "the program runs as in production, and the debugger waits to be started"
	}
	text := "the program waits until a client continues it"
	if p.Request.Start == variants.StartContinue {
		text = "the program runs at once"
	}
	if p.Test != nil {
		text += fmt.Sprintf(": it runs the tests of %s in %s", p.Test.Package, p.Test.Dir)
	}
	if p.Request.Entry == variants.EntryInplace {
		text += ", whoever starts it: a launcher stands at its path"
	}
	return text
}

func pathOf(rule variants.PathRule) string {
	what := map[string]string{variants.PathModule: "module " + rule.Module, variants.PathModCache: "dependencies", variants.PathGOROOT: "the standard library"}[rule.Kind]
	if rule.Source != "" {
		what += ", in the image at " + rule.Source
	}
	return what
}
