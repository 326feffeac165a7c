package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/dlvgen/dlvgen/internal/cli/connect"
	"github.com/dlvgen/dlvgen/internal/corefile"
	"github.com/dlvgen/dlvgen/internal/flagvalue"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/internal/symbols"
	"github.com/dlvgen/dlvgen/internal/tools"
	"github.com/dlvgen/dlvgen/variants/delve"
	"github.com/spf13/cobra"
)

// coreFlags are those of `dlvgen core`.
type coreFlags struct {
	registryFlags
	output string
	client clientValue
}

func newCoreCommand(s streams) *cobra.Command {
	flags := &coreFlags{}
	cmd := &cobra.Command{
		Use:   "core [REF] CORE",
		Short: "Open a core dump of a production program in Delve",
		Long: `Open a core dump of a production program in Delve.

Finds the debug information and the sources of the program whose core dump the
file CORE is, and opens all in Delve. The symbols are those of the production
image REF: attached to it, or in its sidecar. A core dump of another build is
refused.

On Linux, Delve is the one that dlvgen carries for the Go of the program. On
other systems, it is the dlv in PATH.

Without REF, prints what the core dump is of.`,
		Example: `  dlvgen core registry.example/app:v1 core
  dlvgen core registry.example/app@sha256:ec10... core.4711
  dlvgen core registry.example/app:v1 core --for vscode > launch.json`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := args[len(args)-1]
			switch {
			case flags.client != clientDelve && flags.client != clientVSCode:
				return usagef(cmd, "--for is %q, which takes no settings for core dumps: use %s or %s, or the paths of --format json", flags.client, clientDelve, clientVSCode)
			case flags.client == clientVSCode && flags.format == formatJSON:
				return usagef(cmd, "--for vscode prints a launch.json: use it without --format json")
			case len(args) == 1 && (flags.client == clientVSCode || flags.output != ""):
				return usagef(cmd, "no image is given: name the one that the program of %s is of in front of it", file)
			case len(args) == 1:
				return s.describeCore(flags.format, file)
			}
			ref, digest, err := registry.ParseImage(args[0])
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			return s.core(cmd.Context(), flags, ref, digest, file)
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	flags.client = clientDelve
	fs.Var(flagvalue.Word(&flags.client, "client", clientValue.check), "for", "what opens the core dump: dlv, which is started, or vscode, whose launch.json is printed")
	fs.StringVarP(&flags.output, "output", "o", "", "folder that the symbols are added to (default: dlvgen/symbols in the user's cache folder)")
	flags.register(fs)
	_ = cmd.RegisterFlagCompletionFunc("for", words(string(clientDelve), string(clientVSCode))) // the flag exists, and has none yet
	return cmd
}

// describeCore prints what a core dump says of its process.
func (s streams) describeCore(format formatValue, file string) error {
	core, err := readCore(file)
	if err != nil {
		return err
	}
	if format == formatJSON {
		return writeJSON(s.out, core)
	}
	t := newGrid(s.out, "PROGRAM", "PID", "SIGNAL", "PLATFORM", "GO BUILD ID")
	t.row(core.Program, number(core.PID), number(core.Signal), core.Platform, core.GoBuildID)
	return t.Flush()
}

// number is that of a process or a signal, empty where it is not known.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func readCore(file string) (*corefile.Core, error) {
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() { // a pipe would be waited for
		return nil, fmt.Errorf("reading the core dump %s: it is no regular file", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading the core dump: %w", err)
	}
	defer f.Close()
	core, err := corefile.Read(f)
	if err != nil {
		return nil, fmt.Errorf("reading the core dump %s: %w", file, err)
	}
	return core, nil
}

// coreRecord is the output of --format json.
type coreRecord struct {
	corefile.Core
	symbolRecord

	// Command opens the core dump, and Init is what is typed at its prompt first.
	Command []string `json:"command"`
	Init    []string `json:"init"`
}

func (s streams) core(ctx context.Context, flags *coreFlags, ref registry.Reference, digest, file string) error {
	core, err := readCore(file)
	if err != nil {
		return err
	}
	s.tell(file + " is of " + core.String())
	source, err := s.symbolsOf(ctx, flags.registryFlags.client(s), ref, digest, false)
	if err != nil {
		return err
	}
	one, err := source.ofCore(core, file)
	if err != nil {
		return err
	}
	if core.GoBuildID == "" {
		s.tell(fmt.Sprintf("warning: %s does not have the first page of the program, so that nothing says whether it is of %s: variables and lines may be wrong", file, source.from))
	}
	return s.openCore(ctx, flags, core, source, one, file)
}

// ofCore is the build that a core dump is of.
func (f *symbolSource) ofCore(core *corefile.Core, file string) (symbolBuild, error) {
	var fitting []symbolBuild
	var ids []string
	for _, b := range f.builds {
		ids = append(ids, b.Go)
		if core.GoBuildID == b.Go || core.GNUBuildID != "" && core.GNUBuildID == b.GNU ||
			core.GoBuildID == "" && strings.HasPrefix(b.Platform+"/", core.Platform+"/") {
			fitting = append(fitting, b)
		}
	}
	switch {
	case len(fitting) > 0:
		return fitting[0], nil
	case core.GoBuildID == "":
		return symbolBuild{}, fmt.Errorf("%s has no symbols for %s, which %s is of", f.from, core.Platform, file)
	}
	return symbolBuild{}, fmt.Errorf("%s is of another build than %s: name the image that ran, such as by its digest\nGo build id of the core dump: %s\nGo build id of the symbols:   %s",
		file, f.from, core.GoBuildID, strings.Join(ids, ", "))
}

// openCore exports the symbols, and opens the core dump with them.
func (s streams) openCore(ctx context.Context, flags *coreFlags, core *corefile.Core, source *symbolSource, one symbolBuild, file string) error {
	dir, err := os.MkdirTemp("", "dlvgen-core-")
	if err != nil {
		return fmt.Errorf("keeping symbols: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	build, err := s.readSymbols(ctx, source, one, filepath.Join(dir, "symbols"))
	if err != nil {
		return err
	}
	export := symbolsFlags{output: flags.output}
	if export.output == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("finding a folder for the symbols: %w: name one with -o", err)
		}
		export.output = filepath.Join(cache, program, "symbols")
	}
	record := symbolRecord{About: build.About, From: source.from, Size: one.size, DebugSize: build.Size}
	if err := record.write(build, &export); err != nil {
		return err
	}
	opened, err := coreClient(build, record, export.output, file)
	if err != nil {
		return err
	}
	return s.startCore(ctx, flags, coreRecord{Core: *core, symbolRecord: record}, opened, dir)
}

// coreClient has absolute paths: an editor has another working folder.
func coreClient(build *symbols.Build, record symbolRecord, output, file string) (c connect.Core, err error) {
	c = connect.Core{Name: record.From}
	if output, err = filepath.Abs(output); err == nil {
		c.Symbols, err = filepath.Abs(record.Debug)
	}
	if err == nil {
		c.File, err = filepath.Abs(file)
	}
	if err != nil {
		return c, fmt.Errorf("finding the core dump: %w", err)
	}
	for _, rule := range build.Rules(output) {
		c.Mappings = append(c.Mappings, connect.Mapping{From: rule.From, To: rule.To})
	}
	return c, nil
}

// startCore starts Delve, or prints how to.
func (s streams) startCore(ctx context.Context, flags *coreFlags, record coreRecord, c connect.Core, dir string) error {
	if flags.client == clientVSCode {
		text, err := c.VSCode()
		if err == nil {
			_, err = fmt.Fprint(s.out, text)
		}
		return err
	}
	rules, err := c.Init()
	if err != nil {
		return err
	}
	if flags.format == formatJSON {
		record.Command, record.Init = c.Command("dlv"), rules
		return writeJSON(s.out, record)
	}
	delve, err := delveFor(record.GoVersion, dir)
	if err != nil {
		return err
	}
	i := interrupts(ctx, s.tell)
	defer i.stop()
	i.prompting.Store(true)
	line := c.Command(delve)
	if terminalOf(s.in) == nil || terminalOf(s.out) == nil {
		line = append(line, "--allow-non-terminal-interactive")
	}
	return s.delve(i.ctx, line, rules)
}

// delveFor is the Delve that this program carries for a version of Go, unpacked to a folder, or
// the one in PATH where it carries none that runs here.
func delveFor(goVersion, dir string) (string, error) {
	if runtime.GOOS == "linux" {
		file, err := carriedDelve(goVersion, filepath.Join(dir, "dlv"))
		if err == nil || !errors.Is(err, tools.ErrNone) {
			return file, err
		}
	}
	file, err := exec.LookPath("dlv")
	if err != nil {
		return "", fmt.Errorf("there is no dlv in PATH: install it with `go install github.com/go-delve/delve/cmd/dlv@latest`, or use --for vscode")
	}
	return file, nil
}

func carriedDelve(goVersion, file string) (_ string, err error) {
	set, err := tools.Embedded()
	if err != nil {
		return "", err
	}
	version, err := delve.Choose(goVersion, "")
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o700) //nolint:gosec // a program
	if err != nil {
		return "", fmt.Errorf("unpacking Delve: %w", err)
	}
	has, err := set.Unpack(f, fmt.Sprintf("%s_%s/delve/%s", runtime.GOOS, runtime.GOARCH, version))
	if err = errors.Join(err, f.Close()); err == nil && !has {
		err = tools.ErrNone
	}
	return file, err
}
