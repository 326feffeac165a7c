package cli

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/console"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestHelpFitsTheScreen reads the help of every command as a file gets it: no line is
// longer than 80 columns, and switches have no "[=true|false]". That of the plugin has every
// command line with docker in front.
func TestHelpFitsTheScreen(t *testing.T) {
	commands := []string{"", "attach", "bake", "build", "builders", "buildkit", "buildkit status", "buildkit stop", "compose", "connect", "core", "debug", "derive", "dockerfile", "doctor", "explain", "inspect", "kube", "ls", "prune", "symbols", "test", "variants", "verify", "version", "watch"}
	for _, command := range commands {
		plugin := helpOfPlugin(t, command)
		for line := range strings.Lines(help(t, command) + plugin) {
			line = strings.TrimSuffix(line, "\n")
			if len(line) > helpColumns || strings.Contains(line, "true|false") || strings.HasSuffix(line, " ") {
				t.Errorf("dlvgen %s --help has the line %q", command, line)
			}
		}
		if strings.Count(plugin, "docker dlvgen") != len(regexp.MustCompile(`dlvgen (COMMAND|`+strings.Join(strings.Fields(strings.Join(commands, " ")), "|")+`)\b`).FindAllString(plugin, -1)) {
			t.Errorf("docker dlvgen %s --help names a command without docker:\n%s", command, plugin)
		}
	}
	for _, want := range []string{"  --push    ", "  --optimize    ", "  --rebuild[=string]    ", "-h, --help    "} {
		if text := help(t, "build"); !strings.Contains(text, want) {
			t.Errorf("dlvgen build --help has no %q:\n%s", want, text)
		}
	}
}

// TestHelpListsEveryFlagOnce compares the flags in the groups with those that there are.
func TestHelpListsEveryFlagOnce(t *testing.T) {
	build, bake, derive, compose, watch := newBuildCommand(streams{}), newBakeCommand(streams{}), newDeriveCommand(streams{}), newComposeCommand(streams{}), newWatchCommand(streams{})
	test, debug := newTestCommand(streams{}), newDebugCommand(streams{})
	for _, cmd := range []*cobra.Command{build, bake, derive, compose, watch, test, debug} {
		want := []string{"help"}
		cmd.Flags().VisitAll(func(f *pflag.Flag) { want = append(want, f.Name) })
		var got []string
		for _, m := range regexp.MustCompile(`(?m)^  (?:-\w,|   ) --([a-z-]+)`).FindAllStringSubmatch(help(t, cmd.Name()), -1) {
			got = append(got, m[1])
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("dlvgen %s --help lists %q, and the flags are %q", cmd.Name(), got, want)
		}
	}
	checkGroups(t, flagGroups, build, derive, watch)
	checkGroups(t, composeGroups, compose)
	checkGroups(t, debugGroups, debug)
	if text := help(t, "test"); !strings.Contains(text, "\nWhich tests are started:\n      --run string") || strings.Contains(text, "What replaces the container") {
		t.Errorf("the groups of dlvgen test:\n%s", text)
	}
	if project, file, ok := strings.Cut(help(t, "compose"), "\nThe file that is written:\n"); !ok || !strings.Contains(project, "\nThe compose project:\n  -f, --file") || !strings.HasPrefix(file, "  -o, --output") {
		t.Errorf("the groups of dlvgen compose:\n%s", help(t, "compose"))
	}
}

// checkGroups has groups name flags that commands have.
func checkGroups(t *testing.T, groups [][2]string, commands ...*cobra.Command) {
	t.Helper()
	for _, group := range groups {
		for _, name := range strings.Fields(group[1]) {
			if name != "help" && !slices.ContainsFunc(commands, func(cmd *cobra.Command) bool { return cmd.Flags().Lookup(name) != nil }) {
				t.Errorf("group %q names --%s, which is no flag", group[0], name)
			}
		}
	}
}

// TestHelpIsAsWideAsTheTerminal gives stdout a terminal of 120 columns.
func TestHelpIsAsWideAsTheTerminal(t *testing.T) {
	user, program := proctest.Terminal(t)
	if err := user.Resize(console.WinSize{Width: 120, Height: 40}); err != nil {
		t.Fatal(err)
	}
	if got := (streams{out: program}).columns(); got != 120 {
		t.Errorf("%d columns, want 120", got)
	}
	if got := (streams{out: io.Discard}).columns(); got != helpColumns {
		t.Errorf("%d columns without a terminal, want %d", got, helpColumns)
	}
}

// help is what a command prints for --help.
func help(t *testing.T, command string) string {
	t.Helper()
	return helpBy(t, command, []string{"dlvgen"})
}

// helpOfPlugin is what the docker command prints for the help of a command.
func helpOfPlugin(t *testing.T, command string) string {
	t.Helper()
	t.Setenv(metadata.ReexecEnvvar, "docker")
	return helpBy(t, command, []string{"docker-dlvgen", "dlvgen"})
}

func helpBy(t *testing.T, command string, program []string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	args := slices.Concat(program, strings.Fields(command), []string{"--help"})
	if code := Main(proctest.Context(t), args, nil, &stdout, &stderr); code != ExitOK {
		t.Fatalf("dlvgen %s --help: exit code %d: %s", command, code, stderr.String())
	}
	return stdout.String()
}
