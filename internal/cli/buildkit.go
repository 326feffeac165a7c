package cli

import (
	"fmt"
	"time"

	"github.com/dlvgen/dlvgen/internal/buildkit"
	"github.com/spf13/cobra"
)

func newBuildKitCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "buildkit",
		Short: "Look at or stop the BuildKit that dlvgen started",
		Long: `Look at or stop the BuildKit that dlvgen started.

If there is no other builder ("dlvgen builders" lists them),
"dlvgen build" starts its own buildkitd and keeps it running for the next
call. Its store is in the user's cache folder. To add to its configuration,
create dlvgen/buildkitd.toml in the user's configuration folder, or name a
file in ` + buildkit.UserConfigEnv + `.`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBuildKitStopCommand(s), newBuildKitStatusCommand(s))
	return cmd
}

func newBuildKitStopCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "Stop it, and keep its cache",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			child, err := buildkit.NewChild()
			if err != nil {
				return err
			}
			pid, err := child.Stop(cmd.Context())
			if err != nil {
				return err
			}
			line := "BuildKit is not running"
			if pid != 0 {
				line = fmt.Sprintf("stopped BuildKit, process %d", pid)
			}
			_, err = fmt.Fprintln(s.out, line)
			return err
		},
	}
}

func newBuildKitStatusCommand(s streams) *cobra.Command {
	var format formatValue
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show whether it is running, and where its files are",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			child, err := buildkit.NewChild()
			if err != nil {
				return err
			}
			status, err := child.Status(cmd.Context())
			if err != nil {
				return err
			}
			return printStatus(s, format, status)
		},
	}
	format.register(cmd.Flags())
	return cmd
}

func printStatus(s streams, format formatValue, status buildkit.Status) error {
	if format == formatJSON {
		return writeJSON(s.out, status)
	}
	state := "not running"
	if status.Running {
		state = fmt.Sprintf("running as process %d since %s, %s %s",
			status.PID, status.Started.Local().Format(time.DateTime), status.Binary, status.Version)
	}
	_, err := fmt.Fprintf(s.out, "BuildKit  %s\naddress   %s\nstore     %s\nlog       %s\n", state, status.Addr, status.Root, status.Log)
	return err
}

// noArgs refuses arguments as a mistake in the command line.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef(cmd, "%s takes no argument, and got %q", cmd.CommandPath(), args[0])
	}
	return nil
}
