// Package cli is the dlvgen command: its flags, what it prints and its exit codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Exit codes of dlvgen.
const (
	ExitOK          = 0
	ExitFailure     = 1
	ExitUsage       = 2   // the command line can't be understood
	ExitInterrupted = 130 // as shells report a process that SIGINT ended
)

// streams are the standard streams of one run.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer

	// plugin says that the docker command has called dlvgen.
	plugin bool
}

// messages is where dlvgen itself says something.
func (s streams) messages() io.Writer {
	if s.plugin {
		return pluginMessages{s.err}
	}
	return s.err
}

// tell says something on stderr, on one line: beside what dlvgen itself says it may have
// names of an image's or a registry's.
func (s streams) tell(line string) {
	_, _ = fmt.Fprintf(s.messages(), "dlvgen: %s\n", visible.Line(line))
}

// tellWritten says of a file whether it was changed, or had the content before.
func (s streams) tellWritten(changed bool, file string) {
	if changed {
		s.tell("wrote " + file)
	} else {
		s.tell("nothing to change in " + file)
	}
}

// Run runs one dlvgen command line, without the program's name, and returns the
// exit code. Results go to stdout, everything else to stderr.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	s := streams{in: stdin, out: stdout, err: stderr}
	return s.run(ctx, newRoot(s), args)
}

// run runs a command line, and returns the exit code.
func (s streams) run(ctx context.Context, root *cobra.Command, args []string) int {
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		printUsageError(s.messages(), usage)
		return ExitUsage
	case ctx.Err() != nil:
		_, _ = fmt.Fprintln(s.err, "dlvgen: "+interrupted(err))
		return ExitInterrupted
	}
	printError(s.messages(), err)
	return ExitFailure
}

// program is the name of the command.
const program = "dlvgen"

func newRoot(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:           program,
		Short:         "Derive debug variants of container images from their production Dockerfiles",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(flagError)
	root.SetUsageFunc(s.usage)
	root.AddCommand(newBuildCommand(s), newBakeCommand(s), newExplainCommand(s), newDockerfileCommand(s), newDeriveCommand(s), newDebugCommand(s), newDoctorCommand(s), newWatchCommand(s), newTestCommand(s), newConnectCommand(s), newLsCommand(s), newInspectCommand(s), newVerifyCommand(s), newSymbolsCommand(s), newCoreCommand(s), newAttachCommand(s), newPruneCommand(s), newKubeCommand(s), newComposeCommand(s), newVariantsCommand(s), newBuildersCommand(s), newBuildKitCommand(s), newVersionCommand(s))
	complete(root)
	return root
}

// usageError is a command line that can't be understood.
type usageError struct {
	err error
	cmd string // the command whose help explains it, "dlvgen build"
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...), cmd: cmd.CommandPath()}
}

// flagError says what is wrong with a flag as other checks of flags do, and adds the nearest
// name to the error for one that does not exist.
func flagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return usagef(cmd, "--%s is %q: %w", invalid.GetFlag().Name, invalid.GetValue(), invalid.Unwrap())
	}
	var missing *pflag.NotExistError
	if !errors.As(err, &missing) || missing.GetSpecifiedShortnames() != "" {
		return usagef(cmd, "%w", err)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	name := missing.GetSpecifiedName()
	return usagef(cmd, "unknown flag --%s: did you mean --%s?", name, variants.Nearest(name, names))
}

// unknownCommand is the error for arguments of a command that only has
// subcommands, nil where there are none.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return usagef(cmd, "unknown command %q: did you mean %q? The commands are %s",
		args[0], variants.Nearest(args[0], names), strings.Join(names, ", "))
}
