package cli

import (
	"context"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/tools"
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

Prints REF@DIGEST for each variant.`,
		Example: `  dlvgen build -t registry.example/app:v1 --push .
  dlvgen build -t app:v1 --variant remote,attach --load .
  dlvgen build -t registry.example/app:v1 --variant all --push .`,
		Args: oneContext("built"),
		RunE: s.building(flags, (*builder).run),
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
func (s streams) building(flags *buildFlags, do func(*builder, context.Context) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		docker, err := dockerConfig()
		if err != nil {
			return err
		}
		r, err := newRequest(flags, args, newEnvironment(docker))
		if err != nil {
			return usagef(cmd, "%w", err)
		}
		return do(&builder{request: r, streams: s, docker: docker}, cmd.Context())
	}
}

// run derives all variants. No tag of a registry moves where one of them fails.
func (b *builder) run(ctx context.Context) error {
	tree, digest, err := tools.FS()
	if err != nil {
		return err
	}
	b.toolsName, b.tools = tools.LocalName(digest), tree
	waits := &patience.Patience{Tell: b.notify}
	b.registry = newRegistryClient(waits, b.insecure, b.production...)
	if b.loads() {
		if b.engine, err = connectEngine(ctx, waits); err != nil {
			return fmt.Errorf("--load: %w: or use --push or -o type=docker,dest=FILE", err)
		}
		defer func() { _ = b.engine.Close() }()
	}
	if err := b.guard(ctx); err != nil {
		return err
	}
	in, err := loadInputs(b.context, b.dockerfile, b.contexts, b.streams.in)
	if err != nil {
		return err
	}
	defer in.close()
	results, err := b.build(ctx, in)
	if err != nil {
		return err
	}
	if err := b.move(ctx, results); err != nil {
		return err
	}
	return b.report(results)
}
