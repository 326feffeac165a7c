package cli

import (
	"cmp"
	"fmt"
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
--builder selects. Nothing is started.`,
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
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", name, one.Driver, one.Status,
			cmp.Or(one.Version, "-"), cmp.Or(short(one.Platforms), "-"), cmp.Or(one.Why, "-"))
	}
	_ = table.Flush()
	for _, one := range list {
		if one.Reason != "" {
			line, _, _ := strings.Cut(one.Reason, "\n")
			_, _ = fmt.Fprintf(&b, "\n%s (%s) cannot be used: %s", one.Name, one.Driver, visible.Line(line))
		}
	}
	_, err := fmt.Fprintln(s.out, strings.TrimRight(b.String(), "\n"))
	return err
}

// short are the first platforms of a list.
func short(platforms []string) string {
	const shown = 3
	if len(platforms) > shown {
		return strings.Join(platforms[:shown], ",") + ",..."
	}
	return strings.Join(platforms, ",")
}
