package cli

import (
	"strings"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/buildkit"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/pflag"
)

// buildFlags are the flags of `dlvgen build` as they were given. Those that
// `docker buildx build` has too mean the same.
type buildFlags struct {
	// set tells which of the flags were given.
	set *pflag.FlagSet

	// dlvgen's own. asked has what is asked of all variants.
	variants []string
	config   string
	suffixes map[string]string
	asked    variants.Request
	addr     string
	insecure []string
	dryRun   bool
	format   formatValue

	// What is built.
	file      string
	tags      []string
	target    string
	platforms []string
	buildArgs []string
	labels    []string
	contexts  []string
	secrets   []string
	ssh       []string
	pull      bool

	// How steps run.
	network       string
	addHosts      []string
	shmSize       string
	ulimits       []string
	allow         []string
	noCache       bool
	noCacheFilter []string

	// What becomes of it.
	push         bool
	load         bool
	outputs      []string
	cacheFrom    []string
	cacheTo      []string
	metadataFile string
	progress     string
}

func (f *buildFlags) register(fs *pflag.FlagSet) {
	fs.SortFlags = false
	f.set = fs

	fs.StringSliceVar(&f.variants, "variant", []string{"remote"},
		"debug variants to derive: "+strings.Join(variants.Names(), ", ")+", those of the project file, or "+variants.All)
	fs.StringVar(&f.config, "config", "", configUsage)
	fs.AddFlagSet(frontend.Settings(&f.asked))
	fs.StringToStringVar(&f.suffixes, "tag-suffix", nil, "suffix that a variant adds to production's tag, VARIANT=SUFFIX, such as remote=-dbg")
	fs.BoolVar(&f.dryRun, "dry-run", false, "print the plan as JSON and export nothing")

	fs.StringVarP(&f.file, "file", "f", "", `Dockerfile, "-" for stdin (default: CONTEXT/Dockerfile)`)
	fs.StringArrayVarP(&f.tags, "tag", "t", nil, "production reference, [REGISTRY/]REPOSITORY[:TAG]; the debug tags are made from it, it is never written")
	fs.BoolVar(&f.push, "push", false, "push the debug images, and move their tags when all of them are pushed")
	fs.BoolVar(&f.load, "load", false, "load the debug images into Docker Engine")
	fs.StringArrayVarP(&f.outputs, "output", "o", nil, `other destination, such as "type=oci,dest=FILE"; each of several variants gets its own destination`)
	fs.StringArrayVar(&f.platforms, "platform", nil, "target platforms, such as linux/amd64,linux/arm64")
	fs.StringVar(&f.target, "target", "", "stage of the Dockerfile that production ships")
	fs.StringArrayVar(&f.buildArgs, "build-arg", nil, "build-time variable, NAME=VALUE, or NAME for its value in the environment")
	fs.StringArrayVar(&f.labels, "label", nil, "label of the image, NAME=VALUE")
	fs.StringArrayVar(&f.contexts, "build-context", nil, "named context, NAME=PATH, or a URL, docker-image:// or oci-layout://")
	fs.StringArrayVar(&f.secrets, "secret", nil, `secret for the build, "id=NAME[,src=FILE|,env=VARIABLE]"`)
	fs.StringArrayVar(&f.ssh, "ssh", nil, `SSH agent or keys for the build, "default|ID[=SOCKET|KEY[,KEY]]"`)
	fs.StringArrayVar(&f.cacheFrom, "cache-from", nil, `cache to import, "type=registry,ref=REF" or a reference`)
	fs.StringArrayVar(&f.cacheTo, "cache-to", nil, `cache to export, "type=registry,ref=REF" or a reference`)
	fs.BoolVar(&f.noCache, "no-cache", false, "run every step again")
	fs.StringSliceVar(&f.noCacheFilter, "no-cache-filter", nil, "stages whose steps are run again")
	fs.BoolVar(&f.pull, "pull", false, "always look up base images in their registries")
	fs.StringVar(&f.network, "network", "default", `network of RUN steps: "default", "host" or "none"`)
	fs.StringSliceVar(&f.addHosts, "add-host", nil, "extra /etc/hosts entry in RUN steps, HOST:IP")
	fs.StringVar(&f.shmSize, "shm-size", "", "size of /dev/shm in RUN steps, such as 64m")
	fs.StringArrayVar(&f.ulimits, "ulimit", nil, "limit of processes in RUN steps, such as nofile=1024:2048")
	fs.StringArrayVar(&f.allow, "allow", nil, `entitlement that steps may use, such as "network.host"`)

	fs.StringVar(&f.addr, "addr", "", "address of BuildKit (default: BUILDKIT_HOST, else one that dlvgen starts)")
	fs.StringSliceVar(&f.insecure, "insecure-registry", nil, "registry HOST[:PORT] to push to over plain HTTP or with an unknown certificate; loopback addresses need no flag")
	fs.StringVar(&f.progress, "progress", buildkit.ProgressModes()[0], "progress display on stderr: "+strings.Join(buildkit.ProgressModes(), ", "))
	fs.StringVar(&f.metadataFile, "metadata-file", "", "write what was exported, as JSON by variant, to this file")
	f.format.register(fs)
}
