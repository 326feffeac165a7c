package cli

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/cli/connect"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/flagvalue"
	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// connectFlags are the flags of `dlvgen connect`.
type connectFlags struct {
	client   clientValue
	source   sourceValue
	local    string
	at       string
	pid      int
	beside   string
	insecure []string
	format   formatValue
}

func (f *connectFlags) register(fs *pflag.FlagSet) {
	fs.SortFlags = false
	f.client = clientDelve
	fs.Var(flagvalue.Word(&f.client, "client", clientValue.check), "for", "client to configure: "+strings.Join(clients(), ", "))
	fs.StringVar(&f.local, "local", "", "folder of the image's main module on this machine (default: the folder of the working folder's go.mod, if it is the same module)")
	fs.StringVar(&f.at, "at", "", "address of the debugger, HOST:PORT, such as that of a port-forward (default: the container's published port)")
	fs.IntVar(&f.pid, "pid", 0, "process to debug in the container of an attach image (default: the program's if it is found, else 1)")
	fs.StringVar(&f.beside, "container", "", "container next to which a sidecar starts")
	fs.Var(flagvalue.Word(&f.source, "source", sourceValue.check), "source", "where to look up the name: container, image, registry (default: in this order)")
	fs.StringSliceVar(&f.insecure, "insecure-registry", nil, "registry HOST[:PORT] to read from over plain HTTP or with an unknown certificate; loopback addresses need no flag")
	f.format.register(fs)
}

// clientValue is the flag --for.
type clientValue string

const (
	clientDelve  clientValue = "dlv"
	clientVSCode clientValue = "vscode"
	clientGoLand clientValue = "goland"
	clientNeovim clientValue = "nvim"
)

func clients() []string {
	return []string{string(clientDelve), string(clientVSCode), string(clientGoLand), string(clientNeovim)}
}

// check tells what else it must be.
func (c clientValue) check() error {
	if slices.Contains(clients(), string(c)) {
		return nil
	}
	return fmt.Errorf("did you mean %q? The clients are %s", variants.Nearest(string(c), clients()), strings.Join(clients(), ", "))
}

func newConnectCommand(s streams) *cobra.Command {
	flags := &connectFlags{}
	cmd := &cobra.Command{
		Use:   "connect REF|CONTAINER",
		Short: "Print what a debugger's client needs to reach a debug image",
		Long: `Print what a debugger's client needs to reach a debug image.

Looks up the name as a running container, then as an image in Docker Engine,
then as an image in a registry. Maps the paths that the sources had when they
were compiled, which the image's labels list, to folders on this machine.

Prints only the configuration to stdout, ready to paste or redirect. Notes go
to stderr.`,
		Example: `  dlvgen connect app
  dlvgen connect app --for vscode > .vscode/launch.json
  dlvgen connect app:v1-debug --for goland > .run/app.run.xml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef(cmd, "one container or image is connected to at a time, and got %d names", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.at != "" {
				if _, _, err := splitAddress(flags.at); err != nil {
					return usagef(cmd, "%w", err)
				}
			}
			if flags.beside != "" && !containerPattern.MatchString(flags.beside) {
				return usagef(cmd, "--container is %q: it must be the name or the id of a container", flags.beside)
			}
			if flags.pid < 0 {
				return usagef(cmd, "--pid is %d: it must be a process id", flags.pid)
			}
			c := connector{flags: flags, streams: s}
			return c.run(cmd.Context(), args[0])
		},
	}
	flags.register(cmd.Flags())
	return cmd
}

// splitAddress reads the value of --at.
func splitAddress(at string) (host string, port int, err error) {
	host, port, err = variants.SplitAddress(at)
	if err != nil || host == "" {
		return "", 0, fmt.Errorf("--at is %q: it must be HOST:PORT, such as 127.0.0.1:8000", at)
	}
	return host, port, nil
}

// containerPattern is what Docker takes for the name or id of a container.
var containerPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// connector prints how to reach one debug image.
type connector struct {
	flags   *connectFlags
	streams streams
}

func (c connector) run(ctx context.Context, name string) error {
	waits := &patience.Patience{Tell: c.streams.tell}
	f := finder{source: c.flags.source, registry: registry.New(registry.WithPatience(waits), registry.WithInsecure(c.flags.insecure...)), patience: waits}
	got, err := f.find(ctx, name)
	if err != nil {
		return err
	}
	image, err := connect.ReadImage(got.name, got.labels)
	if err != nil {
		return err
	}
	target, notes, err := c.target(ctx, got, image)
	if err != nil {
		return err
	}
	text, more, err := c.configuration(got, target)
	if err != nil {
		return err
	}
	for _, note := range append(notes, more...) {
		c.streams.tell(note)
	}
	_, err = fmt.Fprint(c.streams.out, text)
	return err
}

// target is what was found, with its address and the local folders. The notes tell
// under which conditions it is reached.
func (c connector) target(ctx context.Context, got *found, image connect.Image) (t connect.Target, notes []string, err error) {
	t = connect.Target{Windows: runtime.GOOS == "windows", Image: image, Name: got.name, Beside: c.flags.beside, PID: docker.FirstPID, Workspace: c.flags.local == ""}
	if got.container != nil {
		t.Container, t.PID = got.container.name, got.container.pid
	}
	if c.flags.pid != 0 {
		t.PID = c.flags.pid
	}
	var note string
	if t.Host, t.Port, note, err = c.address(got, image); err != nil {
		return t, nil, err
	}
	if note != "" {
		notes = append(notes, note)
	}
	if c.prompts(image) {
		return t, notes, nil
	}
	local, missing, err := localFolders(ctx, image, c.flags.local)
	if err != nil {
		return t, nil, err
	}
	t.Mappings = image.Mappings(local)
	return t, append(notes, missing...), nil
}

// prompts says that the debugger itself is the client: it runs in the container,
// where the sources are.
func (c connector) prompts(image connect.Image) bool {
	return image.Kind == variants.KindAttach && c.flags.client == clientDelve
}

// address is where the debugger is reached: --at, the container's port, or, for an
// image, where the port will be once a container publishes it.
func (c connector) address(got *found, image connect.Image) (host string, port int, note string, err error) {
	if c.flags.at != "" {
		host, port, err = splitAddress(c.flags.at)
		return host, port, "", err
	}
	if port, err = image.Port(); err != nil || got.container == nil || c.prompts(image) {
		return loopback, port, "", err
	}
	return got.container.Address(port)
}

// configuration is what stdout gets, and notes on what to do with it.
func (c connector) configuration(got *found, t connect.Target) (text string, notes []string, err error) {
	if c.flags.format == formatJSON {
		made, err := newConnection(got, t)
		if err != nil {
			return "", nil, err
		}
		data, err := encode(made)
		return string(data), nil, err
	}
	serve, err := t.CommandLine(t.Serve())
	if err != nil {
		return "", nil, err
	}
	switch c.flags.client {
	case clientVSCode:
		text, err = t.VSCode()
	case clientGoLand:
		text, err = t.GoLand()
		notes = append(notes, "save it as .run/NAME.run.xml. GoLand maps no paths: it finds your files by their path below the module's folder")
	case clientNeovim:
		text, err = t.Neovim()
	default:
		text, err = t.Delve()
		if !t.Kind.Serves() {
			serve = "" // the command lines do it, or need none
		}
	}
	if err != nil {
		return "", nil, err
	}
	start, err := t.CommandLine(t.Start())
	if start != "" {
		notes = append(notes, "start a container of the image: "+start)
	}
	if serve != "" {
		notes = append(notes, "start the debugger first: "+serve)
	}
	return text, notes, err
}

// connection is the output of --format json.
type connection struct {
	Name    string        `json:"name"`
	Source  sourceValue   `json:"source"`
	Variant string        `json:"variant"`
	Kind    variants.Kind `json:"kind"`
	Host    string        `json:"host"`
	Port    int           `json:"port"`

	// Paths lead from the debug information to this machine.
	Paths []connect.Mapping `json:"paths"`

	// Command is the client's command line, Init what is typed at its prompt, Serve
	// what makes the debugger listen where it does not yet.
	Command []string `json:"command"`
	Init    []string `json:"init,omitempty"`
	Serve   string   `json:"serve,omitempty"`
}

func newConnection(got *found, t connect.Target) (connection, error) {
	init, err := t.Init()
	if err != nil {
		return connection{}, err
	}
	serve, err := t.CommandLine(t.Serve())
	return connection{
		Name: t.Name, Source: got.source, Variant: t.Variant, Kind: t.Kind, Host: t.Host, Port: t.Port,
		Paths: append([]connect.Mapping{}, t.Mappings...), Command: t.Command(), Init: init, Serve: serve,
	}, err
}
