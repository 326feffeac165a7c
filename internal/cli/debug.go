package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/internal/cluster"
	"github.com/dlvgen/dlvgen/internal/flagvalue"
	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/internal/session"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// debugFlags are the flags of `dlvgen debug`.
type debugFlags struct {
	client  clientValue
	replace bool
	debugBuild
	image    string
	port     int
	pid      int
	program  string
	start    startValue
	local    string
	dryRun   bool
	insecure []string
	format   formatValue
	trace    traceFlags

	podFlags
	user userValue
}

// userValue is the flag --user: whom a debugger in a pod runs as, UID or UID:GID.
type userValue string

func (u userValue) check() error {
	if _, _, err := u.ids(); err != nil {
		return errors.New(`it must be UID or UID:GID, such as "65532" or "65532:65532"`)
	}
	return nil
}

// ids are its two numbers, nil where they are not given.
func (u userValue) ids() (user, group *int64, err error) {
	if u == "" {
		return nil, nil, nil
	}
	parse := func(text string) *int64 {
		id, parseErr := strconv.ParseUint(text, 10, 31) // as Kubernetes
		err = errors.Join(err, parseErr)
		signed := int64(id) //nolint:gosec // of 31 bits
		return &signed
	}
	first, second, both := strings.Cut(string(u), ":")
	user = parse(first)
	if both {
		group = parse(second)
	}
	return user, group, err
}

// startValue is the flag --start: how a program starts that is started for a session.
type startValue variants.Start

func (s startValue) check() error {
	if s == startValue(variants.StartHold) || s == startValue(variants.StartContinue) {
		return nil
	}
	return fmt.Errorf("it must be %q or %q", variants.StartHold, variants.StartContinue)
}

func (f *debugFlags) register(fs *pflag.FlagSet) {
	fs.SortFlags = false
	f.client = clientDelve
	fs.Var(flagvalue.Word(&f.client, "client", clientValue.check), "for", "client to debug with: dlv is a prompt, others get a configuration: "+strings.Join(clients(), ", "))
	fs.StringVar(&f.image, "image", "", "debug image to use (default: the one that belongs to what runs)")
	f.debugBuild.register(fs)
	fs.BoolVar(&f.replace, "replace", false, "run the remote variant in the place of the container, which comes back at the end")
	fs.Var(flagvalue.Word(&f.start, "string", startValue.check), "start", `how the program starts with --replace or for an image: "hold" waits for a client, "continue" does not (default: continue with --replace, else what the image has)`)
	fs.IntVar(&f.pid, "pid", 0, "process to debug, by its id in the container (default: that of the image's program)")
	fs.StringVar(&f.program, "program", "", "process to debug, by the name or the path of its program")
	fs.IntVar(&f.port, "port", 0, "port of this machine for clients, on 127.0.0.1 (default: a free one)")
	fs.StringVar(&f.local, "local", "", "folder of the image's main module on this machine (default: the folder of the working folder's go.mod, if it is the same module)")
	fs.BoolVar(&f.dryRun, "dry-run", false, "print the commands that do the same, and the reasons, and start nothing")
	fs.StringSliceVar(&f.insecure, "insecure-registry", nil, "registry HOST[:PORT] to read from over plain HTTP or with an unknown certificate; loopback addresses need no flag")
	f.format.register(fs)
	f.trace.register(fs)
	f.podFlags.register(fs)
	fs.Var(flagvalue.Word(&f.user, "id", userValue.check), "user", "UID[:GID] of the debugger in the pod (default: root, or the program's where the pod forbids root or names a user)")
}

// check refuses flags that do not fit together.
func (f *debugFlags) check(cmd *cobra.Command) error {
	switch {
	case f.pid < 0:
		return usagef(cmd, "--pid is %d: it must be a process id", f.pid)
	case f.pid != 0 && f.program != "":
		return usagef(cmd, "--pid and --program both name the process: leave one of them out")
	case f.port < 0 || f.port > 65535:
		return usagef(cmd, "--port is %d: it must be a number from 1 to 65535", f.port)
	case f.format == formatJSON && f.client == clientDelve && cmd.Flags().Changed("for"):
		return usagef(cmd, "--format json prints where the debugger is, and --for dlv is a prompt: leave one of them out")
	case strings.HasPrefix(f.program, "-"):
		return usagef(cmd, "--program is %q: it must be the name or the path of a program", f.program)
	}
	return cmp.Or(f.checkBuild(cmd), f.trace.check(cmd))
}

// process names the process to debug as a sidecar takes it.
func (f *debugFlags) process() string {
	if f.pid != 0 {
		return strconv.Itoa(f.pid)
	}
	return f.program
}

// debugVerb is the command's name.
const debugVerb = "debug"

func newDebugCommand(s streams) *cobra.Command {
	flags := &debugFlags{}
	cmd := &cobra.Command{
		Use:   debugVerb + " TARGET",
		Short: "Debug what runs: a container, a Compose service, a pod, an image",
		Long: `Debug what runs: a container, a Compose service, a pod, an image.

TARGET is the name or id of a container, compose:SERVICE, the name of a service
of the compose file in the working folder, or an image, which is run then. They
are looked up in this order. In Kubernetes it is pod/NAME, or deploy/NAME,
sts/NAME, ds/NAME, rs/NAME, job/NAME or svc/NAME for one of its pods.

Finds the debug image of what runs, and takes the least intrusive way: the
debugger that the container has; a sidecar beside the running process, which is
an ephemeral container in a pod; with --replace, the remote variant in the
container's place. Then opens Delve's prompt, or prints the configuration for
an editor and lasts until Ctrl-C. With --trace it prints the calls of functions,
and the program stops for each only while its arguments are read. At the end the
debugger is removed, or ends in its pod, and the program runs on.`,
		Example: `  dlvgen debug app
  dlvgen debug compose:web --for vscode > .vscode/launch.json
  dlvgen debug app --trace main.handler
  dlvgen debug app --build
  dlvgen debug deploy/app --derive
  dlvgen debug app --replace --start hold
  dlvgen debug registry.example/app:v1
  dlvgen debug deploy/app -n shop -c app
  dlvgen debug app --dry-run`,
		Args: one("target", "debugged"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(cmd); err != nil {
				return err
			}
			if args[0] == "" {
				return usagef(cmd, "the target is empty: name a container, a service, a pod or an image")
			}
			if _, _, err := flags.object(cmd, args[0], "user"); err != nil {
				return err
			}
			d := debugging{flags: flags, streams: s, journals: session.UserJournals()}
			return d.run(cmd.Context(), args[0])
		},
	}
	flags.register(cmd.Flags())
	flags.complete(cmd)
	return cmd
}

// debugging is one call of `dlvgen debug`.
type debugging struct {
	flags    *debugFlags
	streams  streams
	journals session.Journals
}

// debugged is what is debugged, how, and with which debug image.
type debugged struct {
	target session.Target
	way    session.Way
	why    string
	image  session.Image

	// pod says that it runs in a cluster, which pulls debug images from their registry.
	pod bool
}

func (d debugging) run(ctx context.Context, name string) error {
	waits := &patience.Patience{Tell: d.streams.tell}
	finder := session.Finder{
		Tell:     d.streams.tell,
		Registry: registry.New(registry.WithPatience(waits), registry.WithInsecure(d.flags.insecure...)),
	}
	var target session.Target
	var err error
	if object, ok := cluster.ParseObject(name); ok {
		target, err = d.pod(ctx, &finder, waits, object)
	} else {
		target, err = d.onEngine(ctx, &finder, waits, name)
	}
	if finder.Engine != nil {
		defer func() { _ = finder.Engine.Close() }()
	}
	if err != nil {
		return err
	}
	one, err := d.choose(ctx, finder, target)
	if err != nil {
		return err
	}
	debugger, err := one.target.Debugger(one.way, one.image, d.options(one))
	if err != nil {
		return err
	}
	if d.flags.dryRun {
		return d.print(ctx, one, debugger)
	}
	return d.hold(ctx, one, debugger)
}

func (d debugging) options(one *debugged) session.Options {
	o := session.Options{Port: d.flags.port, Process: d.flags.process(), Start: variants.Start(d.flags.start), Tell: d.streams.tell}
	o.User, o.Group, _ = d.flags.user.ids() // was checked
	if d.flags.trace.asked() {
		o.Idle = traceIdle
	}
	if d.flags.dryRun && o.Port == 0 && (one.pod || one.way != session.WayConnect) {
		o.Port = preferredPort
	}
	return o
}

// preferredPort stands in what a dry run prints, where a session takes any free port.
const preferredPort = 8000

// choose finds the way, and the debug image.
func (d debugging) choose(ctx context.Context, f session.Finder, target session.Target) (*debugged, error) {
	situation := target.Situation()
	situation.Replace = d.flags.replace
	one := &debugged{target: target, pod: situation.Pod}
	var err error
	if d.flags.image != "" {
		if one.image, err = f.Named(ctx, d.flags.image); err != nil {
			return nil, err
		}
		situation.Given, situation.GivenName = one.image.Labels.Kind, one.image.Ref
	}
	if one.way, one.why, err = situation.Choose(); err != nil {
		return nil, err
	}
	if d.flags.start != "" && one.way != session.WayReplace && one.way != session.WayRun {
		other := "add --replace"
		if one.pod {
			other = "put it into the manifest with `dlvgen kube --start`"
		}
		return nil, fmt.Errorf("--start is for a program that is started, and that of %s runs: leave it out, or %s", target.Name(), other)
	}
	if d.flags.image == "" {
		one.image, err = d.image(ctx, f, one)
	}
	return one, err
}

// image is the debug image for the way.
func (d debugging) image(ctx context.Context, f session.Finder, one *debugged) (session.Image, error) {
	production, kind := one.target.Production(), one.way.Kind()
	if kind == "" {
		if flag := d.flags.flag(); flag != "" {
			return session.Image{}, fmt.Errorf("%s: leave %s out", one.why, flag)
		}
		return session.Image{Ref: production.Name, Labels: production.Labels, Local: true}, nil
	}
	if d.flags.flag() != "" {
		return d.made(ctx, f, one, kind)
	}
	return f.Find(ctx, production, kind)
}
