package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/moby/sys/atomicwriter"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// dockerfileFlags are the flags of `dlvgen build` that decide what is built, or where and
// how, beside those of a derivation.
var dockerfileFlags = append([]string{
	"secret", "pull", "network", "add-host", "shm-size", "ulimit", "allow", "no-cache", "no-cache-filter", "cache-from",
}, slices.DeleteFunc(slices.Clone(explainFlags), func(name string) bool { return name == "format" })...)

func newDockerfileCommand(s streams) *cobra.Command {
	flags := &buildFlags{}
	var output string
	cmd := &cobra.Command{
		Use:   "dockerfile [CONTEXT]",
		Short: "Print a debug variant as a plain Dockerfile",
		Long: `Print a debug variant as a plain Dockerfile, which any BuildKit builds without
dlvgen: your Dockerfile, with comments that mark what was added.

Builds what it must know of the program, like "dlvgen build --dry-run".
The tools come from dlvgen's frontend image, pinned by digest. Give
"docker build" the same context, --build-arg and --secret.`,
		Example: `  dlvgen dockerfile -o Dockerfile.debug .
  docker build -f Dockerfile.debug -t app:debug .
  dlvgen dockerfile --variant attach --target production .`,
		Args: oneContext("read"),
		RunE: s.building(flags, func(ctx context.Context, _ *buildFlags, r *bake.Request) error {
			return s.eject(ctx, r, output)
		}),
	}
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.register(all)
	cmd.Flags().SortFlags = false
	addShared(cmd.Flags(), all, dockerfileFlags, "print-llb")
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write (default: stdout)")
	return cmd
}

// eject writes the one Dockerfile.
func (s streams) eject(ctx context.Context, r *bake.Request, output string) error {
	results, err := r.Eject(ctx, s.forBuild())
	if err != nil {
		return err
	}
	var texts [][]byte
	for _, res := range results {
		texts = append(texts, res.Dockerfiles()...)
	}
	if len(texts) != 1 {
		return errors.New("a Dockerfile is for one variant and one platform: name one each with --variant and --platform")
	}
	if output == "" {
		_, err = s.out.Write(texts[0])
		return err
	}
	if err := atomicwriter.WriteFile(output, texts[0], 0o644); err != nil {
		return fmt.Errorf("writing the Dockerfile: %w", err)
	}
	return nil
}
