package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/dlvgen/dlvgen/internal/buildkit/builders"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/spf13/cobra"
)

func newBuildersCommand(s streams) *cobra.Command {
	var format formatValue
	var addr, name string
	cmd := &cobra.Command{
		Use:   "builders",
		Short: "List the builders, and which one a build would take",
		Long: `List the builders, and which one a build would take.

"dlvgen build" takes the first of these that can be used:

  1. the address of --addr or BUILDKIT_HOST
  2. the builder of --builder or BUILDX_BUILDER
  3. the current builder of buildx ("docker buildx use")
  4. the builder of Docker Engine, in the current docker context
  5. a BuildKit that dlvgen starts itself

If you name a builder (1 or 2), no other is tried. In the list, "*" marks the
builder that a build would take, and WHY is empty for builders that only
--builder selects. The nodes of a builder that has several are below it; "*"
marks the platforms that buildx has stored for a node. Nothing is started.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := builders.List(cmd.Context(), builders.FromEnvironment(addr, name, nil))
			if err != nil {
				return err
			}
			return printBuilders(s, format, list)
		},
	}
	cmd.Flags().StringVar(&name, "builder", "", "builder of buildx, or docker context, as in \"dlvgen build\"")
	cmd.Flags().StringVar(&addr, "addr", "", "address of BuildKit, as in \"dlvgen build\"")
	format.register(cmd.Flags())
	return cmd
}

func printBuilders(s streams, format formatValue, list []builders.Listed) error {
	if format == formatJSON {
		return writeJSON(s.out, list)
	}
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "NAME\tDRIVER\tSTATUS\tBUILDKIT\tPLATFORMS\tWHY")
	for _, one := range list {
		name := one.Name
		if one.Selected {
			name += " *"
		}
		printRow(table, name, one.Driver, one.State, one.Why)
		for _, node := range one.Nodes {
			printRow(table, `  \_ `+node.Name, "", node.State, "")
		}
	}
	_ = table.Flush()
	for _, one := range list {
		tellReason(&b, one.Name+" ("+one.Driver+")", one.State)
		for _, node := range one.Nodes {
			tellReason(&b, "node "+node.Name+" of "+one.Name, node.State)
		}
	}
	_, err := fmt.Fprintln(s.out, strings.TrimRight(b.String(), "\n"))
	return err
}

func printRow(table io.Writer, name, driver string, state builders.State, why string) {
	_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", name, cmp.Or(driver, "-"), state.Status,
		cmp.Or(state.Version, "-"), cmp.Or(short(marked(state)), "-"), cmp.Or(why, "-"))
}

// tellReason says why a builder or a node cannot be used.
func tellReason(w io.Writer, who string, state builders.State) {
	if state.Reason == "" || len(state.Nodes) > 0 { // its nodes have theirs
		return
	}
	line, _, _ := strings.Cut(state.Reason, "\n")
	_, _ = fmt.Fprintf(w, "\n%s cannot be used: %s", who, visible.Line(line))
}

// marked are the platforms of a builder, first those that are declared for it, with a "*", as
// buildx lists them.
func marked(state builders.State) []string {
	var list []string
	for _, p := range state.Declared {
		list = append(list, p+"*")
	}
	for _, p := range state.Platforms {
		if !slices.Contains(state.Declared, p) {
			list = append(list, p)
		}
	}
	return list
}

// short are the first platforms of a list.
func short(platforms []string) string {
	const shown = 3
	if len(platforms) > shown {
		return strings.Join(platforms[:shown], ",") + ",..."
	}
	return strings.Join(platforms, ",")
}
