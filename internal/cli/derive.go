package cli

import (
	"fmt"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// deriveFlags are the flags of `dlvgen build` that mean the same for a published image,
// beside those of a derivation.
var deriveFlags = []string{
	"variant", "config", "tag-suffix", "dry-run", "tag", "push", "load", "force", "output", "platform", "build-arg", "build-context", "label", "secret", "ssh",
	"cache-from", "cache-to", "provenance", "annotation", "no-cache", "pull", "network", "add-host", "allow", "addr", "builder", "frontend-image",
	"insecure-registry", "progress", "metadata-file", "format",
}

func newDeriveCommand(s streams) *cobra.Command {
	flags := &buildFlags{}
	var from bake.Published
	var many tagsFlags
	cmd := &cobra.Command{
		Use:   "derive REF",
		Short: "Derive debug variants from a published production image",
		Long: `Derive debug variants from a published production image, without its Dockerfile.

Reads the build information of the program that the image starts, compiles it
again in the golang image of the same Go version, and puts it in the place of
production's program. The sources are those of the module at its version, from
the Go module proxy, else those of its commit, from its git repository.
--source names others.

The debug tags are made from the tag of REF, or from -t.

With --all-tags, REF is a repository. Derives from all of its tags that match,
but for those whose debug images are there already.

Prints REF@DIGEST for each variant.`,
		Example: `  dlvgen derive registry.example/app:v1 --push
  dlvgen derive registry.example/app:v1 --source . --variant all --push
  dlvgen derive app@sha256:... -t app:v1 --load
  dlvgen derive app:v1 --source git+https://git.example/app.git --push
  dlvgen derive --all-tags 'v1.*' registry.example/app --push`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef(cmd, "derive takes one image reference, and got %d: %q", len(args), args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			env, err := bake.ReadEnvironment()
			if err != nil {
				return err
			}
			from.Ref = args[0]
			if err := many.check(cmd.Flags()); err != nil {
				return usagef(cmd, "%w", err)
			}
			if len(many.Included) > 0 {
				t, err := flags.tagsDerivation(from, many.ManyTags, env)
				if err != nil {
					return usagef(cmd, "%w", err)
				}
				return s.deriveTags(cmd.Context(), flags, t)
			}
			r, err := flags.derivation(from, env)
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			return s.build(cmd.Context(), flags, r)
		},
	}
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.register(all)
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&from.Source, "source", "", "sources of the program: a folder with a checkout, or git+URL[#REF] (default: what its build information names)")
	fs.BoolVar(&from.AllowMismatch, "allow-mismatch", false, "compile sources of another commit than the program's")
	fs.StringVar(&flags.asked.RebuildImage, "toolchain", "", "image with Go that compiles the program, or "+variants.RebuildHost+": Go of this machine's go command (default: the golang image of its Go version)")
	many.register(fs)
	addShared(fs, all, deriveFlags, "rebuild", "rebuild-image")
	for name, usage := range map[string]string{
		"variant":  "debug variants to derive: " + variantList() + ", those of the project file, or " + variants.All,
		"config":   "project file with variants of your own (default: " + projectFile + " in the working folder)",
		"tag":      "production reference, [REGISTRY/]REPOSITORY[:TAG], that the debug tags are made from (default: REF)",
		"platform": "target platforms, such as linux/amd64,linux/arm64 (default: all of REF that Delve supports)",
	} {
		fs.Lookup(name).Usage = usage
	}
	_ = cmd.RegisterFlagCompletionFunc("source", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	})
	return cmd
}

// derivedVariants reads the flags that say which variants are derived.
func (f *buildFlags) derivedVariants() (err error) {
	if f.Variants, err = f.presets(); err != nil {
		return err
	}
	if f.Production {
		return fmt.Errorf("--variant %s: that image is there already", bake.Production)
	}
	for i := range f.Variants {
		f.Variants[i].Rebuild = variants.RebuildAuto
		if f.asked.RebuildImage != "" {
			f.Variants[i].RebuildImage = f.asked.RebuildImage
		}
	}
	return nil
}

// derivation reads and checks the flags for a published image.
func (f *buildFlags) derivation(from bake.Published, env bake.Environment) (*bake.Request, error) {
	if err := f.derivedVariants(); err != nil {
		return nil, err
	}
	r, err := bake.NewDerivation(from, f.Options, env)
	if err == nil && f.format == formatJSON && r.ToStdout() {
		err = errBothToStdout
	}
	return r, err
}
