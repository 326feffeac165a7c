package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/watch"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// watchFlags are the flags of `dlvgen watch`.
type watchFlags struct {
	buildFlags
	command string
	port    int
	proxied bool // --port was given
}

// onceOnly are flags of `dlvgen build` that mean nothing to builds that go on.
var onceOnly = []string{"dry-run", "print-llb"}

func (f *watchFlags) register(fs *pflag.FlagSet) {
	fs.SortFlags = false
	fs.StringVar(&f.command, "run", "", `command that replaces the container, such as "docker compose up -d app"; it runs after each build that has made another image`)
	fs.IntVar(&f.port, "port", 0, "port of this machine for clients, on 127.0.0.1, that leads to the debugger of what runs now; 0 for a free one")
	build := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.buildFlags.register(build)
	build.VisitAll(func(flag *pflag.Flag) {
		if !slices.Contains(onceOnly, flag.Name) {
			fs.AddFlag(flag)
		}
	})
}

func newWatchCommand(s streams) *cobra.Command {
	flags := &watchFlags{}
	cmd := &cobra.Command{
		Use:   "watch [CONTEXT]",
		Short: "Build debug variants again when files change",
		Long: `Build debug variants again when files change, and replace what runs.

Builds as "dlvgen build" does, then again after changes of the context
or of the Dockerfile. What .dockerignore leaves out does not count. Without
--push, --load or -o, images are loaded into Docker Engine.

--run is a command of the shell that puts the new image in the place of what
runs. It has DLVGEN_TAGS, the debug tags, and DLVGEN_DIGEST, the digest of the
first image. A command that still runs when the next image is ready is told to
end first.

With --port, clients connect to one address that stays. It leads to the
debugger of the container that runs the new image. A client that was connected
is disconnected when its container is replaced, and connects again.

Ctrl-C ends it. Containers run on.`,
		Example: `  dlvgen watch -t app:v1
  dlvgen watch -t app:v1 --port 8000 --run "docker compose up -d app"
  dlvgen watch -t app:v1 --port 8000 --run ./replace.sh`,
		Args: oneContext("watched"),
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.proxied = cmd.Flags().Changed("port")
			w := &watching{streams: s, flags: flags, args: args}
			if err := w.begin(); err != nil {
				return usagef(cmd, "%w", err)
			}
			return w.run(cmd.Context())
		},
	}
	flags.register(cmd.Flags())
	return cmd
}

// check refuses flags that do not fit together, and completes them.
func (f *watchFlags) check() error {
	switch {
	case f.port < 0 || f.port > 65535:
		return fmt.Errorf("--port is %d: it must be a number from 0 to 65535", f.port)
	case f.proxied && f.command == "":
		return errors.New("--port leads to what --run starts: add --run with the command that replaces the container")
	}
	if !f.Push && !f.Load && len(f.Outputs) == 0 && len(f.Tags) > 0 {
		f.Load = true
	}
	return nil
}

// files are those that the flags are read from, and what the call writes.
func (f *watchFlags) files() (read, written []string) {
	read = []string{f.config}
	if f.config == "" {
		read = []string{filepath.Join(f.Context, projectFile), projectFile}
	}
	if f.metadataFile != "" {
		written = []string{f.metadataFile}
	}
	return read, written
}

// request reads the flags and what they name anew, and says what to watch.
func (w *watching) request() (*bake.Request, watch.Inputs, error) {
	var in watch.Inputs
	env, err := bake.ReadEnvironment()
	if err != nil {
		return nil, in, err
	}
	r, err := w.flags.request(w.args, env)
	if err != nil {
		return nil, in, err
	}
	local, err := r.LocalInputs(env)
	if err != nil {
		return nil, in, err
	}
	for _, f := range local.Folders {
		in.Folders = append(in.Folders, watch.Folder(f))
	}
	read, written := w.flags.files()
	in.Files, in.Written = slices.Concat(local.Files, read), slices.Concat(local.Written, written)
	return r, in, nil
}

// begin checks the call, before anything is done.
func (w *watching) begin() error {
	if err := w.flags.check(); err != nil {
		return err
	}
	r, in, err := w.request()
	switch {
	case err != nil:
		return err
	case r.ToStdout():
		return errors.New("an image on stdout is one image, and each change makes another one: give the output a file with dest=FILE")
	case w.flags.proxied && !slices.ContainsFunc(w.flags.Variants, serves):
		return errors.New("--port leads to a debugger that serves, which is that of a remote variant: add one to --variant, or leave --port out")
	}
	w.next, w.inputs = r, in
	return nil
}

// serves says that containers of a variant have a debugger that serves on a port.
func serves(r variants.Request) bool { return r.Variant.Kind.Serves() }

// variables are the environment of the command.
func variables(results []*bake.Result) []string {
	var tags []string
	digest := ""
	for _, res := range results {
		tags = append(tags, res.Names()...)
		digest = cmp.Or(digest, res.Digest())
	}
	return []string{"DLVGEN_TAGS=" + strings.Join(tags, " "), "DLVGEN_DIGEST=" + digest}
}

// digests names what was built: the same text for the same images, empty where they are not
// known by their digests.
func digests(results []*bake.Result) string {
	var list []string
	for _, res := range results {
		if res.Digest() == "" {
			return ""
		}
		list = append(list, res.Digest())
	}
	return strings.Join(list, " ")
}

// run watches and builds until the context ends.
func (w *watching) run(ctx context.Context) error {
	if w.flags.proxied {
		end, err := w.connectClients(ctx)
		if err != nil {
			return err
		}
		defer end()
	}
	defer w.close()
	return w.loop(ctx)
}
