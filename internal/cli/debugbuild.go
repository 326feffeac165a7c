package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/session"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// debugBuild are the flags that have the debug image made before it is used.
type debugBuild struct {
	// build is the context, empty for no build.
	build string

	// derive has it derived from the published image, from source: as for `dlvgen derive`.
	derive bool
	source string
}

func (f *debugBuild) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.build, "build", "", "build the debug image first, from this context or from the working folder")
	fs.Lookup("build").NoOptDefVal = "."
	fs.BoolVar(&f.derive, "derive", false, "derive the debug image first from the image that runs, without its Dockerfile")
	fs.StringVar(&f.source, "source", "", "with --derive: sources of the program: a folder with a checkout, or git+URL[#REF] (default: what its build information names)")
}

// checkBuild refuses flags that exclude each other.
func (f *debugFlags) checkBuild(cmd *cobra.Command) error {
	switch flag := f.flag(); {
	case f.build != "" && f.derive:
		return usagef(cmd, "--build and --derive both make the debug image: leave one of them out")
	case f.source != "" && !f.derive:
		return usagef(cmd, "--source is for --derive: add it, or leave --source out")
	case f.image != "" && flag != "":
		return usagef(cmd, "--image names a debug image, and %s makes one: leave one of them out", flag)
	case f.dryRun && flag != "":
		return usagef(cmd, "--dry-run starts nothing, and %s builds: leave one of them out", flag)
	}
	return nil
}

// flag is the one that was given, empty for none.
func (f *debugBuild) flag() string {
	switch {
	case f.build != "":
		return "--build"
	case f.derive:
		return "--derive"
	}
	return ""
}

// made makes the debug image of what is debugged.
func (d debugging) made(ctx context.Context, f session.Finder, one *debugged, kind variants.Kind) (session.Image, error) {
	r, err := d.request(ctx, f, one, kind)
	if err != nil {
		return session.Image{}, err
	}
	results, err := r.Build(ctx, d.streams.forBuild())
	if err != nil {
		return session.Image{}, err
	}
	if len(results) != 1 || len(results[0].Names()) == 0 {
		return session.Image{}, errors.New("the build has made no image")
	}
	image, err := f.Named(ctx, results[0].Names()[0])
	image.Why = "it was built just now"
	return image, err
}

func (d debugging) request(ctx context.Context, f session.Finder, one *debugged, kind variants.Kind) (*bake.Request, error) {
	production := one.target.Production()
	if len(production.Tags) == 0 {
		return nil, fmt.Errorf("%s has no tag to make a debug tag from: make a debug image with `dlvgen build -t` or `dlvgen derive -t`, and name it with --image", production)
	}
	flags, fs := &buildFlags{}, pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.register(fs)
	args := []string{"--tag", production.Tags[0].Familiar(), "--variant", string(kind)}
	if pod, ok := one.target.(*session.Pod); ok {
		args = append(args, "--push")
		if port := pod.FreePort(preferredPort); port != preferredPort {
			args = append(args, "--listen", fmt.Sprintf(":%d", port))
		}
	} else {
		args = append(args, "--load")
	}
	for _, host := range d.flags.insecure {
		args = append(args, "--insecure-registry", host)
	}
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	env, err := bake.ReadEnvironment()
	if err != nil {
		return nil, err
	}
	var r *bake.Request
	if d.flags.derive {
		r, err = flags.derivation(bake.Published{Ref: f.Published(ctx, production), Source: d.flags.source}, env)
	} else {
		r, err = flags.request([]string{d.flags.build}, env)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.flags.flag(), err)
	}
	return r, nil
}
