package cli

import (
	"regexp"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/buildkit"
	"github.com/dlvgen/dlvgen/internal/buildkit/builders"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/dlvgen/dlvgen/variants/delve"
	"github.com/moby/buildkit/util/entitlements"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// What a shell does with values.
const (
	wordsOnly = cobra.ShellCompDirectiveNoFileComp
	inOrder   = wordsOnly | cobra.ShellCompDirectiveKeepOrder
	files     = cobra.ShellCompDirectiveDefault
)

// flagValues are what shells offer for the values of flags. They ask no daemon. For a flag
// that is not here there is nothing to offer.
var flagValues = map[string]cobra.CompletionFunc{
	"allow":             words(entitlements.EntitlementNetworkHost.String(), entitlements.EntitlementSecurityInsecure.String()),
	"build":             anyFolder,
	"build-arg":         buildArgs,
	"builder":           builderNames,
	"cache-from":        beginnings("type=registry,ref=", "type=local,src=", "type=gha"),
	"cache-to":          beginnings("type=registry,ref=", "type=local,dest=", "type=gha", "type=inline"),
	"config":            cobra.FixedCompletions([]string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt),
	"delve":             words(delve.Versions()...),
	"entry":             words(string(variants.EntryCmd), string(variants.EntryInplace)),
	"env-file":          cobra.FixedCompletions(nil, files),
	"file":              cobra.FixedCompletions(nil, files),
	"for":               words(clients()...),
	"format":            words(string(formatText), string(formatJSON)),
	"local":             folders,
	"metadata-file":     cobra.FixedCompletions(nil, files),
	"network":           words("default", "host", "none"),
	"no-cache-filter":   listOf(stages),
	"output":            cobra.FixedCompletions(nil, files),
	"platform":          listOf(platforms),
	"project-directory": cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
	"progress":          words(buildkit.ProgressModes()...),
	"rebuild":           words(variants.Rebuilds()...),
	"source":            words(string(sourceContainer), string(sourceImage), string(sourceRegistry)),
	"sources":           words(string(variants.SourcesBaked), string(variants.SourcesExcluded)),
	"start":             words(string(variants.StartHold), string(variants.StartContinue)),
	"tag-suffix":        tagSuffixes,
	"target":            stages,
	"variant":           listOf(variantNames),
}

// complete tells shells what to offer for the flags and arguments of a command, and of those
// below.
func complete(cmd *cobra.Command) {
	cmd.CompletionOptions.SetDefaultShellCompDirective(wordsOnly)
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if values := flagValues[f.Name]; values != nil {
			_ = cmd.RegisterFlagCompletionFunc(f.Name, plainOf(values)) // the flag exists; it keeps what it has
		}
	})
	if strings.HasSuffix(cmd.Use, " [CONTEXT]") {
		cmd.ValidArgsFunction = folders
	}
	for _, sub := range cmd.Commands() {
		complete(sub)
	}
}

// plainWord is one that means itself in every shell.
var plainWord = regexp.MustCompile(`^[\pL\pN_.,:/@%+=-]+$`)

// plainOf offers the plain words of values. Others may come from the Dockerfile of a stranger,
// and cobra's script for bash puts what several words begin with into the command line as it
// is, and evaluates that at the next key.
func plainOf(values cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		all, directive := values(cmd, args, typed)
		var plain []string
		for _, value := range all {
			if word, _, _ := strings.Cut(value, "\t"); plainWord.MatchString(word) {
				plain = append(plain, value)
			}
		}
		return plain, directive
	}
}

func words(list ...string) cobra.CompletionFunc { return cobra.FixedCompletions(list, inOrder) }

// beginnings are words that something is typed behind.
func beginnings(list ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(list, inOrder|cobra.ShellCompDirectiveNoSpace)
}

// folders offers one folder.
func folders(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, wordsOnly
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// anyFolder offers a folder, whatever stands before it.
func anyFolder(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// listOf offers values one after the other, separated by commas.
func listOf(values cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		end := strings.LastIndex(typed, ",") + 1
		given := strings.Split(typed[:end], ",")
		all, directive := values(cmd, args, typed[end:])
		var offered []string
		for _, value := range all {
			word, _, _ := strings.Cut(value, "\t")
			switch {
			case end == 0:
				offered = append(offered, value)
			case !slices.Contains(given, word):
				// With a description, cobra's script for bash takes no comma.
				offered = append(offered, typed[:end]+word)
			}
		}
		return offered, directive
	}
}

// given is the value of a flag on the command line, empty where the command has no such flag.
func given(cmd *cobra.Command, flag string) string {
	if f := cmd.Flags().Lookup(flag); f != nil {
		return f.Value.String()
	}
	return ""
}

// table is that of the project, and where that has a mistake, the known one.
func table(cmd *cobra.Command, args []string) []variants.Request {
	list, err := projectTable(given(cmd, "config"), contextOf(args))
	if err != nil {
		list, _ = variants.Table()
	}
	return list
}

func variantNames(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var list []string
	for _, r := range table(cmd, args) {
		tag, _ := r.Shown(exampleTag)
		list = append(list, cobra.CompletionWithDesc(r.Preset, tag))
	}
	return append(list, cobra.CompletionWithDesc(variants.All, "all of them")), inOrder
}

func tagSuffixes(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var list []string
	for _, r := range table(cmd, args) {
		list = append(list, r.Preset+"=")
	}
	return list, inOrder | cobra.ShellCompDirectiveNoSpace
}

// contextTyped is the context among the arguments that were typed so far.
func contextTyped(cmd *cobra.Command, args []string) string {
	if cmd.Name() == testVerb && len(args) > 0 { // behind the package
		args = args[1:]
	}
	return contextOf(args)
}

func stages(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	list, _ := bake.Stages(contextTyped(cmd, args), given(cmd, "file"))
	return list, inOrder
}

func buildArgs(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if strings.Contains(typed, "=") {
		return nil, wordsOnly
	}
	_, names := bake.Stages(contextTyped(cmd, args), given(cmd, "file"))
	for i := range names {
		names[i] += "="
	}
	return names, inOrder | cobra.ShellCompDirectiveNoSpace
}

func builderNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	names, err := builders.Names()
	if err != nil {
		return nil, wordsOnly | cobra.ShellCompDirectiveError
	}
	return names, wordsOnly
}

func platforms(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var list []string
	for _, arch := range delve.Archs() {
		if delve.Ships("linux", arch) {
			list = append(list, "linux/"+arch)
		}
	}
	return list, wordsOnly
}
