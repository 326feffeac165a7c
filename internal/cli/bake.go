package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/bakefile"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	bakeGroup  = "debug"
	bakeOutput = "docker-bake.debug.hcl"
	bakeSyntax = "dlvgen/dlvgen:1"

	// bakeAtOnce is how many frontends start together where nothing else runs: with 2 processors
	// and empty caches, 12 did in a third of the time that BuildKit gives them, and 40 did not,
	// whether they were dlvgen's or docker/dockerfile. On a busy machine, 12 did not either.
	bakeAtOnce = 16
)

// bakeFlags are the flags of `dlvgen bake`.
type bakeFlags struct {
	buildFlags

	files         []string
	output, group string

	given *pflag.FlagSet // those of this command
}

// bakeShared are the flags of `dlvgen build` that this command has too, beside those of a
// derivation.
var bakeShared = []string{"variant", "config", "tag-suffix", "addr", "builder", "format"}

func newBakeCommand(s streams) *cobra.Command {
	flags := &bakeFlags{}
	cmd := &cobra.Command{
		Use:   "bake [FILE...] [TARGET...]",
		Short: "Write a bake file of the debug variants of bake targets",
		Long: `Write a bake file of the debug variants of bake targets.

Reads bake files (HCL, JSON) and compose files with "docker buildx bake", by
default the files and targets that it builds by default. An argument with a dot
or a slash is a file, others are targets.

Each target that builds a Go program gets a target for each variant. It inherits
from production's target, its tags are made from production's tags. The others
are skipped, and stderr shows why. Nothing is built.`,
		Example: `  dlvgen bake -o docker-bake.debug.hcl
  docker buildx bake -f docker-bake.hcl -f docker-bake.debug.hcl --push debug

  dlvgen bake --variant remote compose.yaml app worker`,
		RunE: func(cmd *cobra.Command, args []string) error { return s.bake(cmd.Context(), cmd, flags, args) },
	}
	flags.registerBake(cmd.Flags())
	return cmd
}

func (f *bakeFlags) registerBake(fs *pflag.FlagSet) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.register(all)
	f.variants = []string{variants.All}
	all.Lookup("variant").DefValue = "[" + variants.All + "]"
	fs.SortFlags = false
	f.given = fs
	fs.StringVarP(&f.output, "output", "o", "", "write to this file instead of stdout; only a file that dlvgen wrote is replaced")
	fs.StringArrayVarP(&f.files, "file", "f", nil, `bake file or compose file, "-" for stdin`)
	fs.StringVar(&f.group, "group", bakeGroup, "name of the group of production and all variants, and part of the other names")
	fs.StringVar(&f.FrontendImage, "frontend-image", "", "frontend image that builds the variants (default: "+bakeSyntax+")")
	addShared(fs, all, bakeShared, "print-llb")
}

// bake reads, checks, and writes.
func (s streams) bake(ctx context.Context, cmd *cobra.Command, flags *bakeFlags, args []string) error {
	files, targets := flags.files, []string(nil)
	for _, arg := range args {
		if bakefile.IsFile(arg) {
			files = append(files, arg)
		} else {
			targets = append(targets, arg)
		}
	}
	if err := flags.checkBake(); err != nil {
		return usagef(cmd, "%w", err)
	}
	if flags.output == "-" { // as in docker buildx
		flags.output = ""
	}
	if err := bakefile.Replaceable(flags.output); err != nil {
		return err
	}
	b, err := bakefile.Read(ctx, files, targets, s.in)
	if err != nil {
		return err
	}
	derived, skipped, err := s.checkTargets(ctx, flags, b)
	if err != nil {
		return err
	}
	path := cmp.Or(flags.output, bakeOutput)
	written, err := b.Debug(ctx, bakefile.Debug{
		Group: flags.group, Syntax: cmp.Or(flags.FrontendImage, bakeSyntax), File: path, Derived: derived,
		Command: flags.command(path, append(b.FileArguments(), targets...)),
	})
	if err != nil {
		return err
	}
	return s.reportBake(flags, written, skipped)
}

// checkBake checks what can be checked before anything is read.
func (f *bakeFlags) checkBake() error {
	if !bakefile.IsName(f.group) {
		return fmt.Errorf("--group is %q: it may have letters, digits, dashes and underscores only", f.group)
	}
	_, err := f.presets()
	return err
}

// bakeLocal are flags that say where dlvgen looks and what it prints, nothing of the file.
var bakeLocal = []string{"output", "file", "addr", "builder", "format"}

// command is the command line that writes the file again.
func (f *bakeFlags) command(path string, args []string) string {
	return commandAgain("bake", path, f.given, bakeLocal, args)
}

// commandAgain is the command line that writes a file again, with the flags that were given but
// for local ones.
func commandAgain(verb, path string, given *pflag.FlagSet, local, args []string) string {
	words := []string{"dlvgen", verb, "-o", path}
	given.VisitAll(func(flag *pflag.Flag) {
		if !flag.Changed || slices.Contains(local, flag.Name) {
			return
		}
		value := strings.Trim(flag.Value.String(), "[]")
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			if flag.Value.Type() == "stringArray" { // whose values have commas of their own
				for _, one := range list.GetSlice() {
					words = append(words, "--"+flag.Name, one)
				}
				return
			}
			value = strings.Join(list.GetSlice(), ",")
		}
		switch flag.NoOptDefVal {
		case "":
			words = append(words, "--"+flag.Name, value)
		case value:
			words = append(words, "--"+flag.Name)
		default:
			words = append(words, "--"+flag.Name+"="+value)
		}
	})
	return bakefile.Quote(append(words, args...))
}

// reportBake writes the file, and says what is in it.
func (s streams) reportBake(flags *bakeFlags, w *bakefile.Written, skipped []skippedTarget) error {
	for _, name := range w.Fixed {
		s.tell(fmt.Sprintf("target %s: its tags are written as they are now. If they change, run this command again", name))
	}
	told := map[string]bool{}
	for _, image := range w.Images {
		if len(image.Tags) == 0 && !told[image.Production] {
			told[image.Production] = true
			s.tell(fmt.Sprintf("target %s: it has no tags now, so its variants have none either", image.Production))
		}
	}
	if len(w.Images) > bakeAtOnce {
		s.tell(fmt.Sprintf("%d debug images: BuildKit starts a frontend for each at the same time. If a build fails with %q, build fewer at once, such as the group %s",
			len(w.Images), "frontend grpc server closed unexpectedly", w.Images[0].Group))
	}
	if flags.output != "" {
		changed, err := bakefile.Write(flags.output, w.Text)
		if err != nil {
			return err
		}
		s.tellWritten(changed, fmt.Sprintf("%s, debug images: %d", flags.output, len(w.Images)))
	}
	if flags.format == formatJSON {
		return writeJSON(s.out, bakeRecord{Images: w.Images, Skipped: skipped})
	}
	if flags.output != "" {
		return nil
	}
	_, err := s.out.Write(w.Text)
	return err
}

// bakeRecord is the output of --format json.
type bakeRecord struct {
	Images  []bakefile.Image `json:"images"`
	Skipped []skippedTarget  `json:"skipped"`
}
