package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/bakefile"
	"github.com/dlvgen/dlvgen/internal/derive/eject"
	"github.com/dlvgen/dlvgen/internal/ownfile"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// dockerfileFlags are the flags of `dlvgen build` that decide what is built, or where and
// how, beside those of a derivation.
var dockerfileFlags = append([]string{
	"secret", "pull", "network", "add-host", "shm-size", "ulimit", "allow", "no-cache", "no-cache-filter", "cache-from",
}, slices.DeleteFunc(slices.Clone(explainFlags), func(name string) bool { return name == "format" })...)

func newDockerfileCommand(s streams) *cobra.Command {
	flags := &buildFlags{}
	var out ejection
	cmd := &cobra.Command{
		Use:   "dockerfile [CONTEXT]",
		Short: "Print a debug variant as a plain Dockerfile",
		Long: `Print a debug variant as a plain Dockerfile, which any BuildKit builds without
dlvgen: your Dockerfile, with comments that mark what was added.
Builds what it must know of the program, like "dlvgen build --dry-run".
The tools come from dlvgen's frontend image, pinned by digest; --standalone
does without them. Give "docker build" the same context, --build-arg and
--secret.`,
		Example: `  dlvgen dockerfile -o Dockerfile.debug .
  docker build -f Dockerfile.debug -t app:debug .
  dlvgen dockerfile --variant attach --target production .
  dlvgen dockerfile --standalone -o Dockerfile.debug .`,
		Args: oneContext("read"),
		RunE: s.building(flags, func(ctx context.Context, flags *buildFlags, r *bake.Request) error {
			return s.eject(ctx, flags, r, out)
		}),
	}
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.register(all)
	cmd.Flags().SortFlags = false
	addShared(cmd.Flags(), all, dockerfileFlags, "print-llb")
	cmd.Flags().BoolVar(&out.standalone, "standalone", false, "do without dlvgen's tools: edit the calls of go build that the Dockerfile shows, and compile Delve; stderr says what is lost")
	cmd.Flags().StringVarP(&out.file, "output", "o", "", "write to this file instead of stdout; only a file that dlvgen wrote is replaced")
	return cmd
}

// ejection is what becomes of a Dockerfile.
type ejection struct {
	standalone bool
	file       string // "" and "-" are stdout
}

// eject writes the one Dockerfile.
func (s streams) eject(ctx context.Context, flags *buildFlags, r *bake.Request, out ejection) error {
	output := out.file
	if output == "-" { // as in dlvgen bake
		output = ""
	}
	file := ownfile.File{Path: output, What: "Dockerfile", Command: "dlvgen dockerfile", Own: eject.Own}
	if output != "" {
		if err := file.Replaceable(); err != nil {
			return err
		}
	}
	build := r.Eject
	if out.standalone {
		build = r.EjectStandalone
	}
	results, err := build(ctx, s.forBuild())
	if err != nil {
		return err
	}
	var texts [][]byte
	for _, res := range results {
		texts = append(texts, res.Dockerfiles()...)
	}
	if len(texts) != 1 {
		return errors.New("a Dockerfile is for one variant and one platform: name one each with --variant and --platform")
	}
	for _, lost := range eject.Lost(texts[0]) {
		s.tell("lost by --standalone: " + lost)
	}
	if dir, named := r.ModuleContexts(); dir != "" {
		words := []string{"docker", "build", "-f", cmp.Or(output, "-")}
		for _, context := range named {
			words = append(words, "--build-context", context)
		}
		s.tell("it copies from the Go module: " + bakefile.Quote(append(words, dir)))
	} else {
		s.tellIgnored(flags, output)
	}
	if output == "" {
		_, err = s.out.Write(texts[0])
		return err
	}
	changed, err := file.Write(texts[0])
	if err == nil {
		s.tellWritten(changed, output)
	}
	return err
}

// ignoreFile ends the name of the file that says what a Dockerfile leaves out of the context.
const ignoreFile = ".dockerignore"

// tellIgnored says that production's Dockerfile has such a file of its own, which the new
// one does not find under its own name.
func (s streams) tellIgnored(flags *buildFlags, output string) {
	name := flags.Dockerfile
	if name == "" {
		name = filepath.Join(flags.Context, "Dockerfile")
	}
	name += ignoreFile
	text, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		return
	}
	if written, err := os.ReadFile(filepath.Clean(output + ignoreFile)); output != "" && err == nil && bytes.Equal(written, text) {
		return
	}
	s.tell(fmt.Sprintf("the Dockerfile leaves files out of the context by %s: copy it to %s", name, cmp.Or(output, "the new Dockerfile's name with ")+ignoreFile))
}
