package cli

import (
	"context"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/spf13/cobra"
)

func newBuildCommand(s streams) *cobra.Command {
	flags := &buildFlags{}
	cmd := &cobra.Command{
		Use:   "build [CONTEXT]",
		Short: "Derive debug variants from a production Dockerfile",
		Long: `Derive debug variants from a production Dockerfile.

CONTEXT is a folder, the URL of a git repository or tar file, or "-" for a tar
file on stdin. The default is the working folder. The Dockerfile is not changed.
Flags shared with "docker buildx build" mean the same.

A folder with a Go program and no Dockerfile is built as ko builds it, by the
.ko.yaml of the working folder or of the module, if there is one.

Prints REF@DIGEST for each variant.`,
		Example: `  dlvgen build -t registry.example/app:v1 --push .
  dlvgen build -t app:v1 --variant remote,attach --load .
  dlvgen build -t registry.example/app:v1 --variant all --push .
  dlvgen build -t app:v1 --variant production,remote --load ./cmd/app`,
		Args: oneContext("built"),
		RunE: s.building(flags, s.build),
	}
	flags.register(cmd.Flags())
	return cmd
}

// oneContext refuses more than one argument; done says what becomes of the one.
func oneContext(done string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usagef(cmd, "one context is %s at a time, and got %d: %q", done, len(args), args)
		}
		return nil
	}
}

// building reads a request from flags and arguments, and has do carry it out.
func (s streams) building(flags *buildFlags, do func(context.Context, *buildFlags, *bake.Request) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		env, err := bake.ReadEnvironment()
		if err != nil {
			return err
		}
		r, err := flags.request(args, env)
		if err != nil {
			return usagef(cmd, "%w", err)
		}
		return do(cmd.Context(), flags, r)
	}
}

// build derives all variants, and reports them.
func (s streams) build(ctx context.Context, flags *buildFlags, r *bake.Request) error {
	results, err := r.Build(ctx, s.forBuild())
	if err != nil {
		return err
	}
	return s.report(flags, r, results)
}

// forBuild are the streams as a build takes them.
func (s streams) forBuild() bake.Streams {
	return bake.Streams{In: s.in, Out: s.out, Err: s.err, Tell: s.tell, Terminal: terminalOf(s.out) != nil}
}
