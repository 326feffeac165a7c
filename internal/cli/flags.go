package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/buildkit"
	"github.com/dlvgen/dlvgen/internal/gomodule"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/pflag"
)

// buildFlags are the flags of `dlvgen build` as they were given.
type buildFlags struct {
	bake.Options

	// set tells which of the flags were given.
	set *pflag.FlagSet

	// Which variants, and asked, what is asked of all of them.
	variants []string
	config   string
	suffixes map[string]string
	asked    variants.Request

	// How results are printed.
	format       formatValue
	metadataFile string
}

func (f *buildFlags) register(fs *pflag.FlagSet) {
	fs.SortFlags = false
	f.set = fs

	fs.StringSliceVar(&f.variants, "variant", []string{"remote"},
		"debug variants to derive: "+variantList()+", those of the project file, or "+variants.All+`; without a Dockerfile also "`+bake.Production+`", the image without debugger`)
	fs.StringVar(&f.config, "config", "", configUsage)
	fs.AddFlagSet(frontend.Settings(&f.asked))
	fs.StringToStringVar(&f.suffixes, "tag-suffix", nil, "suffix that a variant adds to production's tag, VARIANT=SUFFIX, such as remote=-dbg, or a template: remote={repository}-debug:{tag}")
	fs.BoolVar(&f.DryRun, "dry-run", false, "print the plan as JSON and export nothing")

	fs.StringVarP(&f.Dockerfile, "file", "f", "", `Dockerfile, "-" for stdin (default: CONTEXT/Dockerfile)`)
	fs.BoolVar(&f.Module, "module", false, "compile the Go program in the folder CONTEXT without a Dockerfile, even if there is one")
	fs.StringVar(&f.Base, "base", "", "image that the program is put into (default: that of .ko.yaml, else "+gomodule.DefaultBase+")")
	fs.StringArrayVar(&f.Ldflags, "ldflags", nil, "-ldflags of go build, instead of those of .ko.yaml")
	fs.StringSliceVar(&f.BuildTags, "tags", nil, "-tags of go build")
	fs.StringVar(&f.GoFlags, "goflags", "", "GOFLAGS of the compile (default: GOFLAGS of the environment)")
	fs.StringArrayVarP(&f.Tags, "tag", "t", nil, "production reference, [REGISTRY/]REPOSITORY[:TAG]; the debug tags are made from it, and only --variant production writes it")
	fs.BoolVar(&f.Push, "push", false, "push the debug images, and move their tags when all of them are pushed")
	fs.BoolVar(&f.Force, "force", false, "overwrite debug tags whose images dlvgen did not make; production tags are never overwritten")
	fs.BoolVar(&f.Load, "load", false, "load the debug images into Docker Engine")
	fs.StringArrayVarP(&f.Outputs, "output", "o", nil, `other destination, such as "type=oci,dest=FILE"; each of several variants gets its own destination`)
	fs.StringArrayVar(&f.Platforms, "platform", nil, "target platforms, such as linux/amd64,linux/arm64")
	fs.StringVar(&f.Target, "target", "", "stage of the Dockerfile that production ships")
	fs.StringArrayVar(&f.BuildArgs, "build-arg", nil, "build-time variable, NAME=VALUE, or NAME for its value in the environment")
	fs.StringArrayVar(&f.Labels, "label", nil, "label of the image, NAME=VALUE")
	fs.StringArrayVar(&f.Contexts, "build-context", nil, "named context, NAME=PATH, or a URL, docker-image:// or oci-layout://")
	fs.StringArrayVar(&f.Secrets, "secret", nil, `secret for the build, "id=NAME[,src=FILE|,env=VARIABLE]"`)
	fs.StringArrayVar(&f.SSH, "ssh", nil, `SSH agent or keys for the build, "default|ID[=SOCKET|KEY[,KEY]]"`)
	fs.StringArrayVar(&f.CacheFrom, "cache-from", nil, `cache to import, "type=registry,ref=REF" or a reference`)
	fs.StringArrayVar(&f.CacheTo, "cache-to", nil, `cache to export, "type=registry,ref=REF" or a reference`)
	fs.StringArrayVar(&f.Attests, "attest", nil, `attestation of the debug images, "type=sbom|provenance[,KEY=VALUE]"`)
	fs.StringVar(&f.Provenance, "provenance", "", `short for --attest=type=provenance: "true", "false", or such as mode=max`)
	fs.StringVar(&f.SBOM, "sbom", "", `short for --attest=type=sbom: "true", "false", or such as generator=IMAGE`)
	fs.StringArrayVar(&f.Annotations, "annotation", nil, "annotation of the debug images, [TYPE:]KEY=VALUE")
	fs.BoolVar(&f.NoCache, "no-cache", false, "run every step again")
	fs.StringSliceVar(&f.NoCacheFilter, "no-cache-filter", nil, "stages whose steps are run again")
	fs.BoolVar(&f.Pull, "pull", false, "always look up base images in their registries")
	fs.StringVar(&f.Network, "network", "default", `network of RUN steps: "default", "host" or "none"`)
	fs.StringSliceVar(&f.AddHosts, "add-host", nil, "extra /etc/hosts entry in RUN steps, HOST:IP")
	fs.StringVar(&f.ShmSize, "shm-size", "", "size of /dev/shm in RUN steps, such as 64m")
	fs.StringArrayVar(&f.Ulimits, "ulimit", nil, "limit of processes in RUN steps, such as nofile=1024:2048")
	fs.StringArrayVar(&f.Allow, "allow", nil, `entitlement that steps may use, such as "network.host"`)

	fs.StringVar(&f.Addr, "addr", "", "address of BuildKit (default: BUILDKIT_HOST)")
	fs.StringVar(&f.Builder, "builder", "", "builder of buildx, or docker context (default: BUILDX_BUILDER, else what \"dlvgen builders\" selects)")
	fs.StringVar(&f.FrontendImage, "frontend-image", "", "frontend image of the same version that the tools are taken from, instead of dlvgen's own (default: "+bake.FrontendImageVariable+")")
	fs.StringSliceVar(&f.Insecure, "insecure-registry", nil, "registry HOST[:PORT] to push to over plain HTTP or with an unknown certificate; loopback addresses need no flag")
	fs.StringVar(&f.Progress, "progress", buildkit.ProgressModes()[0], "progress display on stderr: "+strings.Join(buildkit.ProgressModes(), ", "))
	fs.StringVar(&f.metadataFile, "metadata-file", "", "write what was exported, as JSON by variant, to this file")
	f.format.register(fs)
}

// request reads and checks the flags and the arguments.
func (f *buildFlags) request(args []string, env bake.Environment) (*bake.Request, error) {
	f.Context = contextOf(args)
	var err error
	if f.Variants, err = f.presets(); err != nil {
		return nil, err
	}
	return f.checked(env)
}

// checked is the request, once it is known what is derived.
func (f *buildFlags) checked(env bake.Environment) (*bake.Request, error) {
	r, err := bake.NewRequest(f.Options, env)
	if err == nil && f.format == formatJSON && r.ToStdout() {
		err = errBothToStdout
	}
	return r, err
}

var errBothToStdout = errors.New("--format json and an output both write to stdout: give the output a file with dest=FILE")

// contextOf is the context that arguments name.
func contextOf(args []string) string {
	if len(args) > 0 {
		return args[0]
	}
	return "."
}

// addShared adds flags of `dlvgen build` to those of another command: the named ones, and
// those of a derivation but for some.
func addShared(to, build *pflag.FlagSet, named []string, without ...string) {
	derivation := frontend.Settings(&variants.Request{})
	build.VisitAll(func(f *pflag.Flag) {
		ofDerivation := derivation.Lookup(f.Name) != nil && !slices.Contains(without, f.Name)
		if ofDerivation || slices.Contains(named, f.Name) {
			to.AddFlag(f)
		}
	})
}

// variantList is the table's names, for people.
func variantList() string { return strings.Join(variants.Names(), ", ") }
