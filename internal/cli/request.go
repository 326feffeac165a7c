package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/buildkit"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/cmd/buildctl/build"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
	"github.com/tonistiigi/fsutil"
)

// request is a build that was asked for, with every flag checked.
type request struct {
	context, dockerfile string   // as they were given
	contexts            []string // named ones, NAME=VALUE

	presets    []preset
	production []registry.Reference
	outputs    []output

	// attrs, allow, cacheFrom and cacheTo are for the builds of all presets.
	attrs     map[string]string
	allow     []string
	cacheFrom []client.CacheOptionsEntry
	cacheTo   []client.CacheOptionsEntry
	cacheTags []cacheTag // that cacheTo writes

	// insecure are the registries that may be reached without verified TLS, HOST[:PORT].
	insecure []string

	secrets session.Attachable // nil for none
	ssh     []sshprovider.AgentConfig

	dryRun                       bool
	format                       formatValue
	progress, addr, metadataFile string
}

// newRequest checks the flags. Its errors are the user's to correct on the command
// line.
func newRequest(f *buildFlags, args []string, env environment) (*request, error) {
	r := &request{
		context: ".", dockerfile: f.file, contexts: f.contexts, insecure: slices.Clone(f.insecure),
		dryRun: f.dryRun, format: f.format, progress: f.progress, addr: f.addr, metadataFile: f.metadataFile,
	}
	if len(args) > 0 {
		r.context = args[0]
	}
	var err error
	if r.presets, err = f.presets(r.context); err != nil {
		return nil, err
	}
	if mode, ok := env.lookup("BUILDKIT_PROGRESS"); ok && mode != "" && r.progress == buildkit.ProgressModes()[0] {
		r.progress = mode
	}
	if modes := buildkit.ProgressModes(); !slices.Contains(modes, r.progress) {
		return nil, fmt.Errorf("--progress is %q: it must be one of %s", r.progress, strings.Join(modes, ", "))
	}
	if err := r.setReferences(f.tags); err != nil {
		return nil, err
	}
	if r.outputs, err = f.parseOutputs(); err != nil {
		return nil, err
	}
	if r.attrs, err = f.frontendAttrs(env); err != nil {
		return nil, err
	}
	if r.allow, err = f.allowed(); err != nil {
		return nil, err
	}
	if r.cacheFrom, r.cacheTo, err = f.parseCaches(env); err != nil {
		return nil, err
	}
	if err := r.setCacheTags(); err != nil {
		return nil, err
	}
	if len(f.secrets) > 0 {
		if r.secrets, err = build.ParseSecret(f.secrets); err != nil {
			return nil, fmt.Errorf("--secret: %w", err)
		}
	}
	if r.ssh, err = build.ParseSSH(f.ssh); err != nil {
		return nil, fmt.Errorf("--ssh: %w", err)
	}
	r.setInsecure()
	return r, r.checkOutputs()
}

// setCacheTags refuses to put a cache in the place of an image of this call.
func (r *request) setCacheTags() error {
	var err error
	if r.cacheTags, err = cacheTags(r.cacheTo); err != nil {
		return err
	}
	images := map[registry.Key]string{}
	for _, p := range r.presets {
		for _, ref := range p.refs {
			images[ref.Key()] = "the debug tag of variant " + p.Preset
		}
	}
	for _, ref := range r.production {
		images[ref.Key()] = "a production reference by --tag"
	}
	for _, ref := range r.cacheTags {
		if what, taken := images[ref.Key()]; taken {
			return fmt.Errorf("--cache-to writes to %s, which is %s: give the cache a reference of its own, such as %s:buildcache", ref.Familiar(), what, ref.Repository())
		}
	}
	return nil
}

// setInsecure adds what the outputs and caches say of registries to what the flag does.
func (r *request) setInsecure() {
	for _, tag := range r.cacheTags {
		if tag.insecure {
			r.insecure = append(r.insecure, tag.Host())
		}
	}
	for _, o := range r.outputs {
		if o.pushes() && o.attrs["registry.insecure"] == "true" {
			for _, ref := range r.production {
				r.insecure = append(r.insecure, ref.Host())
			}
		}
	}
}

// setReferences reads the production references and derives the debug tags once, so
// that a bad one is told before anything is built.
func (r *request) setReferences(tags []string) error {
	taken := map[registry.Key]bool{}
	for _, tag := range tags {
		ref, err := registry.Parse(tag)
		if err != nil {
			return fmt.Errorf("--tag is %q: %w", tag, err)
		}
		if !taken[ref.Key()] {
			r.production = append(r.production, ref)
		}
		taken[ref.Key()] = true
	}
	variant := map[registry.Key]string{}
	for i := range r.presets {
		p := &r.presets[i]
		for _, production := range r.production {
			tag, err := p.Tag(production.Tag())
			if err != nil {
				return err
			}
			ref, err := production.WithTag(tag)
			if err != nil {
				return err
			}
			if taken[ref.Key()] {
				return fmt.Errorf("%s is a production reference by --tag, and the debug tag of variant %s: name the production references only", ref.Familiar(), p.Preset)
			}
			if other, ok := variant[ref.Key()]; ok && other != p.Preset {
				return fmt.Errorf("%s is the debug tag of variant %s and of variant %s: choose another --tag-suffix for one of them", ref.Familiar(), other, p.Preset)
			}
			variant[ref.Key()] = p.Preset
			p.refs = append(p.refs, ref)
		}
	}
	return nil
}

func (r *request) checkOutputs() error {
	several := len(r.presets) > 1
	for _, o := range r.outputs {
		switch {
		case (o.pushes() || o.loads()) && len(r.production) == 0:
			return errors.New("no image is named: add -t with the production reference, the debug tags derive from it")
		case o.dest == "-" && several:
			return fmt.Errorf("stdout takes one image, and these variants were asked for: %s: give the output a file with dest=FILE, or name one variant",
				strings.Join(r.variantNames(), ", "))
		case o.dest == "-" && r.format == formatJSON:
			return errors.New("--format json and an output both write to stdout: give the output a file with dest=FILE")
		case o.loads() && strings.Contains(r.attrs["platform"], ","):
			return fmt.Errorf("--load takes one platform, and these were asked for: %s: use --push, or -o type=oci,dest=FILE", r.attrs["platform"])
		}
	}
	return nil
}

func (r *request) variantNames() []string {
	var names []string
	for _, p := range r.presets {
		names = append(names, p.Preset)
	}
	return names
}

// loads says that images go to Docker Engine, false in a dry run.
func (r *request) loads() bool { return len(r.names(inEngine)) > 0 }

// solveOpt are BuildKit's options for one preset, without exports.
func (r *request) solveOpt(p preset, in *inputs, attachables []session.Attachable) (client.SolveOpt, error) {
	so := client.SolveOpt{
		FrontendAttrs:       maps.Clone(r.attrs),
		LocalMounts:         map[string]fsutil.FS{},
		AllowedEntitlements: r.allow,
		CacheImports:        r.cacheFrom,
		CacheExports:        cacheExports(r.cacheTo, p.Preset == r.presets[0].Preset),
		Session:             slices.Clone(attachables),
	}
	maps.Copy(so.FrontendAttrs, frontend.Attrs(p.Request))
	if r.dryRun {
		so.CacheExports = nil
	}
	return so, in.apply(&so)
}

// attachables are what the session offers to the build: credentials of registries,
// secrets and SSH agents.
func (r *request) attachables(docker *configfile.ConfigFile, in *inputs) ([]session.Attachable, error) {
	list := []session.Attachable{authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
		AuthConfigProvider: authprovider.LoadAuthConfig(docker),
	})}
	if r.secrets != nil {
		list = append(list, r.secrets)
	}
	agents := r.ssh
	if len(agents) == 0 && in.sshContext {
		agents = []sshprovider.AgentConfig{{ID: "default"}}
	}
	if len(agents) > 0 {
		provider, err := sshprovider.NewSSHAgentProvider(agents)
		if err != nil {
			return nil, fmt.Errorf("--ssh: %w", err)
		}
		list = append(list, provider)
	}
	return list, nil
}

// dockerConfig reads Docker's configuration: credentials and proxies.
func dockerConfig() (*configfile.ConfigFile, error) {
	cfg, err := config.Load("")
	if err != nil {
		return nil, fmt.Errorf("reading Docker's configuration: %w", err)
	}
	return cfg, nil
}

// newEnvironment is what this process takes over without a flag.
func newEnvironment(docker *configfile.ConfigFile) environment {
	proxy := docker.Proxies["default"]
	proxies := map[string]string{
		"HTTP_PROXY":  proxy.HTTPProxy,
		"HTTPS_PROXY": proxy.HTTPSProxy,
		"NO_PROXY":    proxy.NoProxy,
		"FTP_PROXY":   proxy.FTPProxy,
	}
	maps.DeleteFunc(proxies, func(_, value string) bool { return value == "" })
	return environment{lookup: os.LookupEnv, proxies: proxies}
}
