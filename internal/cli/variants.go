package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/cobra"
)

// exampleTag is the production tag that the listed tags derive from.
const exampleTag = "v1"

func newVariantsCommand(s streams) *cobra.Command {
	var config string
	var format formatValue
	cmd := &cobra.Command{
		Use:   "variants [CONTEXT]",
		Short: "List the debug variants, with those of the project file",
		Long: `List the debug variants, with those of the project file.

The tags are those for the production tag ` + exampleTag + `. Entry "auto" means cmd if
the image's command starts the program directly, else inplace.`,
		Args: oneContext("listed"),
		RunE: func(_ *cobra.Command, args []string) error {
			table, err := projectTable(config, contextOf(args))
			if err != nil {
				return err
			}
			rows, err := rowsOf(table)
			if err != nil {
				return err
			}
			if format == formatJSON {
				return writeJSON(s.out, rows)
			}
			return printRows(s, rows)
		},
	}
	cmd.Flags().StringVar(&config, "config", "", configUsage)
	format.register(cmd.Flags())
	return cmd
}

// row is one preset with its defaults. What does not apply to its kind is empty.
type row struct {
	Name    string           `json:"name"`
	Base    string           `json:"base"`
	Suffix  string           `json:"suffix"`
	Kind    variants.Kind    `json:"kind"`
	Sources variants.Sources `json:"sources"`
	Entry   variants.Entry   `json:"entry,omitempty"`
	Start   variants.Start   `json:"start,omitempty"`
	Listen  string           `json:"listen,omitempty"`

	tag string // of exampleTag
}

// entryAuto is shown where the image decides.
const entryAuto = "auto"

func rowsOf(table []variants.Request) ([]row, error) {
	var rows []row
	for _, r := range table {
		v := r.Variant
		one := row{Name: r.Preset, Base: v.Name, Suffix: v.Suffix, Kind: v.Kind, Sources: v.Sources}
		var err error
		if one.tag, err = r.Shown(exampleTag); err != nil {
			return nil, err
		}
		if one.Kind == variants.KindRemote {
			one.Start, one.Entry = r.Start, r.Entry
			if one.Entry == "" {
				one.Entry = entryAuto
			}
		}
		if one.Kind != variants.KindAttach {
			one.Listen = r.Address()
		}
		rows = append(rows, one)
	}
	return rows, nil
}

func printRows(s streams, rows []row) error {
	w := tabwriter.NewWriter(s.out, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "NAME\tTAG\tKIND\tSOURCES\tENTRY\tSTART\tLISTEN")
	for _, r := range rows {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			r.Name, r.tag, r.Kind, r.Sources, dash(string(r.Entry)), dash(string(r.Start)), dash(r.Listen))
	}
	return w.Flush()
}

// dash stands for what does not apply.
func dash(value string) string {
	if value == "" {
		return "-"
	}
	return value
}
