package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/dlvgen/dlvgen/internal/composefile"
	"github.com/dlvgen/dlvgen/internal/ownfile"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// composeFlags are the flags of `dlvgen compose`.
type composeFlags struct {
	buildFlags

	project   composefile.Options
	images    map[string]string
	output    string
	start     string
	port      int
	watch     bool
	plainHTTP []string

	preset variants.Request // the variant

	given *pflag.FlagSet // those of this command
}

// composeShared are the flags of `dlvgen build` that this command has too, beside those of a
// derivation.
var composeShared = []string{"variant", "config", "tag-suffix", "addr", "builder", "format"}

const composeVerb = "compose"

func newComposeCommand(s streams) *cobra.Command {
	flags := &composeFlags{}
	cmd := &cobra.Command{
		Use:   composeVerb + " [SERVICE...]",
		Short: "Write a compose file that debugs the services of another",
		Long: `Write a compose file that debugs the services of another.

Reads a Docker Compose project as "docker compose" does, and prints a file that
is used beside its files. It adds, for each service that is a Go program: the
debug image, which is built by the service's own build or looked up; the
debugger's port on the loopback address; DLVGEN_START=continue, so that the
program does not wait for a client; and a health check that no breakpoint fails.
Other services stay as they are, and stderr shows why.

Without SERVICE it looks at all services of the active profiles. Nothing is
built.`,
		Example: `  dlvgen compose -o compose.debug.yaml
  docker compose -f compose.yaml -f compose.debug.yaml up --build

  dlvgen compose --start hold app worker
  dlvgen compose --image app=registry.example/app:v1-debug app`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.checkCompose(cmd); err != nil {
				return err
			}
			return s.compose(cmd.Context(), flags, args)
		},
	}
	flags.registerCompose(cmd.Flags())
	cmd.ValidArgsFunction = plainOf(flags.services)
	return cmd
}

func (f *composeFlags) registerCompose(fs *pflag.FlagSet) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.register(all)
	all.Lookup("variant").Usage = "debug variant: " + variantList() + ", or one of the project file"
	fs.SortFlags = false
	f.given = fs
	fs.StringVarP(&f.output, "output", "o", "", "write to this file instead of stdout; only a file that dlvgen wrote is replaced")
	fs.StringArrayVarP(&f.project.Files, "file", "f", nil, "compose file; the default is what docker compose finds")
	fs.StringVar(&f.project.Directory, "project-directory", "", "the project's folder; the default is that of the first compose file")
	fs.StringArrayVar(&f.project.EnvFiles, "env-file", nil, "file with the values of variables, instead of .env")
	fs.StringArrayVar(&f.project.Profiles, "profile", nil, "profile to activate")
	fs.StringToStringVar(&f.images, "image", nil, "take this debug image for a service, SERVICE=IMAGE")
	fs.StringVar(&f.start, "start", "", `how programs start, "hold" or "continue"; the default is DLVGEN_START of the service, else continue`)
	fs.IntVar(&f.port, "port", defaultPort, "first port of this machine for debuggers; ports that the project publishes are left out")
	fs.BoolVar(&f.watch, "watch", true, "add rules for docker compose watch; Compose 1 knows none")
	fs.StringVar(&f.FrontendImage, "frontend-image", "", "frontend image that builds the variants (default: "+bakeSyntax+")")
	addShared(fs, all, composeShared, "print-llb", "start")
	fs.StringSliceVar(&f.plainHTTP, "insecure-registry", nil, "registry HOST[:PORT] to use over plain HTTP or with an unknown certificate; loopback addresses need no flag")
}

// defaultPort is the first that a debugger is published on.
const defaultPort = 8000

// checkCompose checks what can be checked before anything is read.
func (f *composeFlags) checkCompose(cmd *cobra.Command) error {
	if f.output == "-" {
		f.output = ""
	}
	if err := checkStart(cmd, f.start); err != nil {
		return err
	}
	if f.port < 1 || f.port > math.MaxUint16 {
		return usagef(cmd, "--port is %d: it must be a number from 1 to %d", f.port, math.MaxUint16)
	}
	if f.FrontendImage != "" { // which is put into a variable's default
		if _, _, err := registry.ParseImage(f.FrontendImage); err != nil {
			return usagef(cmd, "--frontend-image is %q: %w", f.FrontendImage, err)
		}
	}
	presets, err := f.presets()
	if err != nil {
		return usagef(cmd, "%w", err)
	}
	if len(presets) != 1 {
		return usagef(cmd, "--variant names %d variants, and a service has one debugger: name one", len(presets))
	}
	f.preset = presets[0]
	if f.output == "" {
		return nil
	}
	return f.file().Replaceable()
}

func (f *composeFlags) file() ownfile.File { return composefile.File(f.output) }

// composeLocal are flags that say where dlvgen looks and what it prints, nothing of the file.
var composeLocal = []string{"output", "addr", "builder", "format", "insecure-registry"}

// compose reads, checks, and writes.
func (s streams) compose(ctx context.Context, flags *composeFlags, names []string) error {
	p, err := composefile.Read(ctx, flags.project)
	if err != nil {
		return err
	}
	asked := names
	if len(names) == 0 {
		asked = p.ServiceNames()
	}
	services, err := p.Services(slices.AppendSeq(slices.Clone(asked), maps.Keys(flags.images)))
	if err != nil {
		return err
	}
	debugged, skipped, err := s.checkServices(ctx, flags, services, names)
	if err != nil {
		return err
	}
	for _, one := range skipped {
		s.tell("skipped service " + one.Service + ": " + one.Reason)
	}
	if len(debugged) == 0 {
		return errors.New("no service has a debug image: name one with --image SERVICE=IMAGE, or see why with dlvgen explain")
	}
	path := cmp.Or(flags.output, composefile.DefaultName)
	written, err := p.Debug(composefile.Debug{
		Start: flags.start, Port: flags.port, Watch: flags.watch, Syntax: cmp.Or(flags.FrontendImage, bakeSyntax),
		Command: commandAgain(composeVerb, path, flags.given, composeLocal, names), File: path, Services: debugged,
	})
	if err != nil {
		return err
	}
	return s.reportCompose(flags, written, skipped)
}

// reportCompose writes the file, and says what is in it.
func (s streams) reportCompose(flags *composeFlags, w *composefile.Written, skipped []skippedService) error {
	for _, warning := range w.Warnings {
		s.tell("warning: " + warning)
	}
	if flags.output != "" {
		changed, err := flags.file().Write(w.Text)
		if err != nil {
			return err
		}
		s.tellWritten(changed, fmt.Sprintf("%s, services to debug: %d", flags.output, len(w.Lines)))
	}
	if flags.format == formatJSON {
		return writeJSON(s.out, composeRecord{Services: w.Lines, Skipped: skipped})
	}
	if flags.output != "" {
		return nil
	}
	_, err := s.out.Write(w.Text)
	return err
}

// composeRecord is the output of --format json.
type composeRecord struct {
	Services []composefile.Line `json:"services"`
	Skipped  []skippedService   `json:"skipped"`
}

// services offers those of the project.
func (f *composeFlags) services(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	p, err := composefile.Read(cmd.Context(), f.project)
	if err != nil {
		return nil, wordsOnly
	}
	return slices.DeleteFunc(p.AllNames(), func(name string) bool { return slices.Contains(args, name) }), wordsOnly
}
