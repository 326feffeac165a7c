package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/buildkit/builders"
	"github.com/dlvgen/dlvgen/internal/cluster"
	"github.com/dlvgen/dlvgen/internal/doctor"
	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/internal/session"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// doctorFlags are the flags of `dlvgen doctor`.
type doctorFlags struct {
	tags          []string
	local         string
	builder, addr string
	insecure      []string
	format        formatValue
	podFlags
}

func (f *doctorFlags) register(fs *pflag.FlagSet) {
	fs.SortFlags = false
	fs.StringSliceVarP(&f.tags, "tag", "t", nil, "production image whose registry is asked, as for a build")
	fs.StringVar(&f.local, "local", "", "folder of the target's main module on this machine (default: the folder of the working folder's go.mod, if it is the same module)")
	fs.StringVar(&f.builder, "builder", "", "builder of buildx, or docker context, as for a build")
	fs.StringVar(&f.addr, "addr", "", "address of BuildKit, as for a build")
	fs.StringSliceVar(&f.insecure, "insecure-registry", nil, "registry HOST[:PORT] to read from over plain HTTP or with an unknown certificate; loopback addresses need no flag")
	f.format.register(fs)
	f.podFlags.register(fs)
}

func newDoctorCommand(s streams) *cobra.Command {
	flags := &doctorFlags{}
	cmd := &cobra.Command{
		Use:   "doctor [TARGET]",
		Short: "Check what debugging needs, and say what to do",
		Long: `Check what debugging needs, and say what to do.

Looks at the builder, Docker Engine, security profiles, the kernel, the
registries of --tag, Delve, Go and the debugger's port. With TARGET, a
container, compose:SERVICE, the name of a service of the compose file in the
working folder, an image, or pod/NAME or deploy/NAME of Kubernetes, also at its
program, its debug images and their symbols, and at what the cluster lets you
do. Compares the sources on this machine with those that were compiled: by their
content where an image has them, else by the commit and the debug information.

Nothing is changed, and no debugger is started. The exit code is 1 if a check
fails.`,
		Example: `  dlvgen doctor
  dlvgen doctor -t registry.example/app:v1
  dlvgen doctor web
  dlvgen doctor deploy/app -n shop
  dlvgen doctor me/app:v1-debug --local ../app --format json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef(cmd, "one target is checked at a time, and got %d names", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			options, err := flags.options(cmd, s, args)
			if err != nil {
				return err
			}
			return s.examine(cmd.Context(), options, flags.format)
		},
	}
	flags.register(cmd.Flags())
	flags.complete(cmd)
	return cmd
}

// options are what the command line asks for.
func (f *doctorFlags) options(cmd *cobra.Command, s streams, args []string) (o doctor.Options, err error) {
	o = doctor.Options{Builder: builders.FromEnvironment(f.addr, f.builder, nil), Insecure: f.insecure}
	for _, tag := range f.tags {
		ref, err := registry.Parse(tag)
		if err != nil {
			return o, usagef(cmd, "--tag: %w", err)
		}
		o.Tags = append(o.Tags, ref)
	}
	if o.Checkout, o.Module, err = f.checkout(); err != nil {
		return o, err
	}
	o.Chosen = f.local != ""
	if len(args) > 0 {
		if o.Target = args[0]; o.Target == "" {
			return o, usagef(cmd, "the target is empty: name a container, a service, a pod or an image")
		}
	}
	object, isPod, err := f.object(cmd, o.Target)
	if err != nil || o.Target == "" {
		return o, err
	}
	d := debugging{flags: &debugFlags{podFlags: f.podFlags}, streams: s, journals: session.UserJournals()}
	o.Open = func(ctx context.Context, finder session.Finder) (session.Target, error) {
		return d.target(ctx, finder, o.Target)
	}
	if isPod {
		f.inPods(&o, object)
	}
	return o, nil
}

// inPods has the target found in a cluster.
func (f *doctorFlags) inPods(o *doctor.Options, object cluster.Object) {
	o.Object = object
	o.Connect = func(waits *patience.Patience) (*cluster.Cluster, error) { return cluster.Connect(f.cluster, waits) }
	o.OpenPod = func(ctx context.Context, finder session.Finder, c *cluster.Cluster) (*session.Pod, error) {
		return finder.OpenPod(ctx, c, object, f.container, session.UserJournals())
	}
}

// checkout is the folder of --local, or that of the working folder's go.mod, and its module. Both
// are empty where there is none.
func (f *doctorFlags) checkout() (folder, module string, err error) {
	from := f.local
	if from == "" {
		if from, err = os.Getwd(); err != nil {
			return "", "", fmt.Errorf("finding the sources: %w", err)
		}
		return moduleAbove(from)
	}
	if !bake.IsFolder(from) {
		return "", "", fmt.Errorf("--local is %q, which is not a folder: use the folder of the go.mod that was compiled", from)
	}
	if folder, err = filepath.Abs(from); err != nil {
		return "", "", fmt.Errorf("--local is %q: %w", from, err)
	}
	_, module, err = moduleAbove(folder)
	return folder, module, err
}

// examination is the output of --format json.
type examination struct {
	Target string          `json:"target,omitempty"`
	Checks []doctor.Result `json:"checks"`
}

// examine prints what the checks find. The error says how many have failed.
func (s streams) examine(ctx context.Context, o doctor.Options, format formatValue) error {
	d := doctor.New(o)
	results := d.Check(ctx)
	if err := d.Close(); err != nil {
		s.tell("what was made for the checks could not be removed: " + err.Error())
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if format == formatJSON {
		if err := writeJSON(s.out, examination{o.Target, results}); err != nil {
			return err
		}
	} else if _, err := fmt.Fprint(s.out, examined(results)); err != nil {
		return err
	}
	bad := 0
	for _, r := range results {
		if r.Status == doctor.Failed {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d checks failed", bad, len(results))
	}
	return nil
}

// examined are results for people: a line each, with details and the remedy below it.
func examined(results []doctor.Result) string {
	width := 0
	for _, r := range results {
		width = max(width, len(r.Name))
	}
	const statusWidth = len(doctor.Warning)
	indent := strings.Repeat(" ", statusWidth+width+4)
	var b strings.Builder
	for _, r := range results {
		fmt.Fprintf(&b, "%-*s  %-*s  %s\n", statusWidth, r.Status, width, r.Name, visible.Line(r.Found))
		for _, detail := range r.Details {
			fmt.Fprintf(&b, "%s%s\n", indent, visible.Line(detail))
		}
		if r.Remedy != "" {
			fmt.Fprintf(&b, "%s-> %s\n", indent, visible.Line(r.Remedy))
		}
	}
	return b.String()
}
