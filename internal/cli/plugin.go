package cli

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/dlvgen/dlvgen/internal/buildkit/builders"
	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli-plugins/socket"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// pluginProgram is dlvgen's name among the plugins of the docker command.
const pluginProgram = metadata.NamePrefix + program

// kubectlCompletion is the program that kubectl asks how the arguments of its plugin
// kubectl-dlvgen go on
// (https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins).
const kubectlCompletion = "kubectl_complete-" + program

// Main runs dlvgen, args[0] being the name that the program was called by, and returns the
// exit code. The docker command calls its plugin docker-dlvgen with all of its own arguments:
// "--context far dlvgen build" for `docker --context far dlvgen build`.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if programName(args) == kubectlCompletion {
		return Run(ctx, append([]string{cobra.ShellCompRequestCmd}, args[1:]...), stdin, stdout, stderr)
	}
	if !isPlugin(args, os.Getenv(metadata.ReexecEnvvar)) {
		return Run(ctx, args[1:], stdin, stdout, stderr)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// The docker command closes the socket when it is interrupted, or is no more.
	socket.ConnectAndWait(cancel)
	s := streams{in: stdin, out: stdout, err: stderr, plugin: true}
	rest, err := builders.TakeDockerFlags(args[1:])
	if err != nil {
		printError(stderr, err)
		return ExitUsage
	}
	if len(rest) > 1 && rest[1] == "help" { // which cobra has at the top alone
		rest = append([]string{"help", rest[0]}, rest[2:]...)
	}
	return s.run(ctx, newPluginRoot(s), rest)
}

// isPlugin tells whether the docker command has called the program. docker is how itself was
// called, as it tells its plugins.
func isPlugin(args []string, docker string) bool {
	if programName(args) != pluginProgram {
		return false
	}
	return docker != "" || len(args) > 1 && args[1] == metadata.MetadataSubcommandName
}

// programName is the name that the program was called by, as the systems compare it.
func programName(args []string) string {
	name := args[0][strings.LastIndexAny(args[0], `/\`)+1:]
	return strings.TrimSuffix(strings.ToLower(name), ".exe")
}

// newPluginRoot is a docker command that has dlvgen alone.
func newPluginRoot(s streams) *cobra.Command {
	dlvgen := newRoot(s)
	asPlugin(dlvgen)
	docker := &cobra.Command{Use: "docker", SilenceErrors: true, SilenceUsage: true}
	docker.SetIn(s.in)
	docker.SetOut(s.out)
	docker.SetErr(s.err)
	docker.CompletionOptions.DisableDefaultCmd = true // that of docker itself completes plugins too
	docker.AddCommand(dlvgen, &cobra.Command{
		Use: metadata.MetadataSubcommandName, Hidden: true, Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			version, _ := versions()
			return json.NewEncoder(s.out).Encode(metadata.Metadata{
				SchemaVersion: "0.1.0", Vendor: "dlvgen", Version: version, ShortDescription: dlvgen.Short, URL: "https://github.com/dlvgen/dlvgen",
			})
		},
	})
	return docker
}

// ownCommand is where a text tells a command line of dlvgen's: in an example, or in quotes.
var ownCommand = regexp.MustCompile("(?m)(^ +|[`\"])" + program + " ")

// asTyped is a text with command lines as the plugin's user types them.
func asTyped(text string) string { return ownCommand.ReplaceAllString(text, "${1}docker "+program+" ") }

// asPlugin makes the help of a command, and of those below, that of a plugin.
func asPlugin(cmd *cobra.Command) {
	cmd.Long, cmd.Example = asTyped(cmd.Long), asTyped(cmd.Example)
	cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Usage = asTyped(f.Usage) })
	for _, sub := range cmd.Commands() {
		asPlugin(sub)
	}
}

// pluginMessages writes messages as a plugin has them. Each is written at once.
type pluginMessages struct{ io.Writer }

func (m pluginMessages) Write(p []byte) (int, error) {
	if _, err := io.WriteString(m.Writer, asTyped(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
