package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/console"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	helpColumns = 80 // where stdout is not a terminal
	manyFlags   = 15 // so many are listed in groups
)

// flagGroups are the titles and the flags of groups in help. Flags that no group names stand in
// the one without names.
var flagGroups = [][2]string{
	{"What to derive", ""},
	{"Where it goes", "tag tag-suffix push load force output attest provenance sbom annotation insecure-registry metadata-file dry-run"},
	{"What replaces the container", "run port"},
	{"The program's sources", "source allow-mismatch toolchain"},
	{"Several tags", "all-tags exclude-tags jobs recheck"},
	{"Without a Dockerfile", "module base ldflags tags goflags"},
	{"The build", "file target platform build-arg build-context label secret ssh network add-host shm-size ulimit allow"},
	{"The builder and its caches", "builder addr frontend-image no-cache no-cache-filter no-go-cache pull cache-from cache-to"},
	{"What is printed", "print-llb progress format help"},
}

// composeGroups are those of `dlvgen compose`, whose --file is a compose file.
var composeGroups = [][2]string{
	{"The compose project", "file project-directory env-file profile"},
	{"The file that is written", "output start port watch"},
	{"Images that are not built", "image insecure-registry"},
	{"What to derive", ""},
	{"The builder and its caches", "builder addr frontend-image no-go-cache"},
	{"What is printed", "format help"},
}

// debugGroups are those of `dlvgen debug`.
var debugGroups = [][2]string{
	{"What is debugged, and how", "image build derive source replace start pid program"},
	{"The client", "for port local"},
	{"Calls that are printed", "trace count stack trace-limit"},
	{"In a cluster", "namespace container context kubeconfig user"},
	{"What is printed", ""},
}

// testGroups are those of `dlvgen test`, whose --run is a flag of the tests.
var testGroups = append([][2]string{{"Which tests are started", "run"}}, slices.DeleteFunc(slices.Clone(flagGroups), func(group [2]string) bool {
	return strings.HasPrefix(group[1], "run ")
})...)

// usage prints what help has below the description of a command.
func (s streams) usage(cmd *cobra.Command) error {
	var b strings.Builder
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "Usage:\n  %[1]s COMMAND\n\nRun \"%[1]s COMMAND --help\" for more about a command.\n\nCommands:\n", cmd.CommandPath())
	} else {
		fmt.Fprintf(&b, "Usage:\n  %s\n", cmd.UseLine())
	}
	for _, c := range cmd.Commands() {
		fmt.Fprintf(&b, "  %-*s %s\n", c.NamePadding(), c.Name(), c.Short)
	}
	if cmd.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	groups := flagGroups
	switch cmd.Name() {
	case composeVerb:
		groups = composeGroups
	case debugVerb:
		groups = debugGroups
	case testVerb:
		groups = testGroups
	}
	b.WriteString(flagUsages(cmd.LocalFlags(), groups, s.columns()))
	_, err := fmt.Fprint(cmd.OutOrStderr(), b.String())
	return err
}

// columns is the width of the terminal that stdout is.
func (s streams) columns() int {
	if t := terminalOf(s.out); t != nil {
		size, _ := t.Size()
		return cmp.Or(int(size.Width), helpColumns)
	}
	return helpColumns
}

// terminalOf is the terminal that a stream is, nil where it is none.
func terminalOf(stream any) console.Console {
	if f, ok := stream.(console.File); ok {
		if t, err := console.ConsoleFromFile(f); err == nil {
			return t
		}
	}
	return nil
}

// flagUsages lists many flags in groups, few in one.
func flagUsages(flags *pflag.FlagSet, groups [][2]string, columns int) string {
	var rest, grouped []string
	flags.VisitAll(func(f *pflag.Flag) { rest = append(rest, f.Name) })
	if len(rest) < manyFlags {
		groups = [][2]string{{"Flags"}}
	}
	for _, group := range groups {
		grouped = append(grouped, strings.Fields(group[1])...)
	}
	rest = slices.DeleteFunc(rest, func(name string) bool { return slices.Contains(grouped, name) })
	var b strings.Builder
	for _, group := range groups {
		listed := pflag.NewFlagSet("", pflag.ContinueOnError)
		listed.SortFlags = false
		names := strings.Fields(group[1])
		if len(names) == 0 {
			names = rest
		}
		for _, name := range names {
			if f := flags.Lookup(name); f != nil {
				listed.AddFlag(shown(*f))
			}
		}
		if listed.HasFlags() {
			fmt.Fprintf(&b, "\n%s:\n%s", group[0], listed.FlagUsagesWrapped(columns))
		}
	}
	return b.String()
}

// shown is a flag as help has it: --push, where pflag writes --push[=true|false], and
// --rebuild[=string].
func shown(f pflag.Flag) *pflag.Flag {
	if f.NoOptDefVal != "" {
		if kind := f.Value.Type(); kind != "bool" {
			f.Name += "[=" + kind + "]"
		}
		f.Value, f.NoOptDefVal = switchValue{f.Value}, ""
	}
	if f.Value.Type() == "stringToString" {
		f.DefValue = strings.Trim(f.DefValue, "[]")
	}
	return &f
}

// switchValue is a flag that pflag shows without its type.
type switchValue struct{ pflag.Value }

func (switchValue) Type() string { return "bool" }
