package bake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/buildkit"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/docker/buildx/util/platformutil"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/cmd/buildctl/build"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/tonistiigi/fsutil"
)

// Request is a call with everything in it read and checked: inputs, what is asked of
// each image, and where the images go. [NewRequest] makes it, [Request.Build] and
// [Request.Explain] carry it out.
type Request struct {
	source   source   // of production
	contexts []string // named ones, NAME=VALUE

	images     []Image
	production []registry.Reference
	outputs    []output
	platforms  []ocispecs.Platform // empty for the builder's own

	// attrs, allow, cacheFrom and cacheTo are for the builds of all images.
	attrs     map[string]string
	allow     []string
	cacheFrom []client.CacheOptionsEntry
	cacheTo   []client.CacheOptionsEntry
	cacheTags []registry.Reference // that cacheTo writes

	// insecure are the registries that may be reached without verified TLS, HOST[:PORT].
	insecure []string

	docker  *configfile.ConfigFile // credentials of registries
	secrets session.Attachable     // nil for none
	ssh     []sshprovider.AgentConfig

	// prerelease is done when the user was told of tags that look like versions.
	prerelease *sync.Once

	beforeMove func() error // nil for nothing

	dryRun, force  bool
	progress, addr string
	frontendImage  string // that the tools are taken from, "" for none
	builderName    string // of buildx
}

// Production is what the production image is called among the variants.
const Production = "production"

// Image is a debug image that is asked for, or the production image.
type Image struct {
	variants.Request

	// Refs are its debug tags, one for each production reference, or these themselves.
	Refs []registry.Reference

	// options names what is asked for, where production is a published image.
	options string
}

// isProduction says that the image is production's, of no variant.
func (i Image) isProduction() bool { return i.Variant.Name == "" }

// NewRequest reads and checks a call. Its errors are the user's to correct on the command
// line.
func NewRequest(o Options, env Environment) (*Request, error) {
	from, o, err := o.source(env)
	if err != nil {
		return nil, err
	}
	return requestOf(o, from, env)
}

// requestOf is a request for what is made from a source.
func requestOf(o Options, from source, env Environment) (*Request, error) {
	r := &Request{
		source: from, contexts: o.Contexts, insecure: slices.Clone(o.Insecure), prerelease: &sync.Once{},
		docker: env.Docker, dryRun: o.DryRun, force: o.Force, progress: o.Progress, addr: o.Addr, builderName: o.Builder, frontendImage: o.FrontendImage,
	}
	if image, ok := env.Lookup(FrontendImageVariable); ok && r.frontendImage == "" {
		r.frontendImage = image
	}
	if o.Production {
		r.images = append(r.images, Image{Request: variants.Request{Preset: Production}})
	}
	for _, asked := range o.Variants {
		r.images = append(r.images, Image{Request: asked})
	}
	if mode, ok := env.Lookup("BUILDKIT_PROGRESS"); ok && mode != "" && r.progress == buildkit.ProgressModes()[0] {
		r.progress = mode
	}
	if modes := buildkit.ProgressModes(); !slices.Contains(modes, r.progress) {
		return nil, fmt.Errorf("--progress is %q: it must be one of %s", r.progress, strings.Join(modes, ", "))
	}
	taken, err := r.setReferences(o.Tags)
	if err != nil {
		return nil, err
	}
	if r.outputs, err = o.parseOutputs(); err != nil {
		return nil, err
	}
	if r.attrs, err = o.frontendAttrs(env); err != nil {
		return nil, err
	}
	if platform := r.attrs["platform"]; platform != "" {
		if r.platforms, err = platformutil.Parse(strings.Split(platform, ",")); err != nil {
			return nil, fmt.Errorf("--platform is %q: %w", platform, err)
		}
	}
	if r.allow, err = o.allowed(); err != nil {
		return nil, err
	}
	if r.cacheFrom, r.cacheTo, err = o.parseCaches(env); err != nil {
		return nil, err
	}
	if err := r.setCacheTags(taken); err != nil {
		return nil, err
	}
	if len(o.Secrets) > 0 {
		if r.secrets, err = build.ParseSecret(o.Secrets); err != nil {
			return nil, fmt.Errorf("--secret: %w", err)
		}
	}
	if r.ssh, err = build.ParseSSH(o.SSH); err != nil {
		return nil, fmt.Errorf("--ssh: %w", err)
	}
	r.setInsecure()
	if err := errors.Join(r.checkAttests(), r.checkAnnotations()); err != nil {
		return nil, err
	}
	return r, r.checkOutputs()
}

// setInsecure adds what the outputs say of registries to what the flag and caches do.
func (r *Request) setInsecure() {
	for _, o := range r.outputs {
		if o.pushes() && o.attrs["registry.insecure"] == "true" {
			for _, img := range r.images {
				for _, ref := range slices.Concat(r.production, img.Refs) {
					r.insecure = append(r.insecure, ref.Host())
				}
			}
		}
	}
}

// setReferences reads the production references and derives the debug tags once, so
// that a bad one is told before anything is built. It returns what each name is.
func (r *Request) setReferences(tags []string) (taken map[registry.Key]string, err error) {
	const byTag, derivedFrom = "a production reference by --tag", "the image that is derived from"
	taken = map[registry.Key]string{}
	if p, ok := r.source.(*published); ok && p.tagged {
		taken[p.ref.Key()] = derivedFrom
	}
	for _, tag := range tags {
		ref, err := registry.Parse(tag)
		if err != nil {
			return nil, fmt.Errorf("--tag is %q: %w", tag, err)
		}
		if taken[ref.Key()] != byTag {
			r.production = append(r.production, ref)
		}
		taken[ref.Key()] = byTag
	}
	for i := range r.images {
		img := &r.images[i]
		if img.isProduction() {
			img.Refs = slices.Clone(r.production)
			continue
		}
		for at, production := range r.production {
			ref, err := production.Debug(img.Request)
			if err != nil {
				return nil, err
			}
			what := "the debug tag of variant " + img.Preset
			switch other := taken[ref.Key()]; other {
			case "":
			case what:
				return nil, img.ambiguous(ref, r.production[:at], production)
			case byTag, derivedFrom:
				return nil, fmt.Errorf("%s is %s, and %s: name the production references only", ref.Familiar(), other, what)
			default:
				return nil, fmt.Errorf("%s is %s and of variant %s: choose another --tag-suffix for one of them", ref.Familiar(), other, img.Preset)
			}
			taken[ref.Key()] = what
			img.Refs = append(img.Refs, ref)
		}
	}
	return taken, nil
}

// ambiguous is the error for one debug tag of several production references.
func (i Image) ambiguous(ref registry.Reference, before []registry.Reference, production registry.Reference) error {
	first := before[slices.IndexFunc(i.Refs, func(other registry.Reference) bool { return other.Key() == ref.Key() })]
	advice := "{tag}"
	if first.Tag() == production.Tag() {
		advice = "{repository} or {path}"
	}
	return fmt.Errorf("%s would be the debug tag of variant %s for both %s and %s: put %s into its --tag-suffix",
		ref.Familiar(), i.Preset, first.Familiar(), production.Familiar(), advice)
}

func (r *Request) checkOutputs() error {
	var presets []string
	for _, img := range r.images {
		presets = append(presets, img.Preset)
	}
	for _, o := range r.outputs {
		switch {
		case (o.pushes() || o.loads()) && len(r.production) == 0:
			return errors.New("no image is named: add -t with the production reference, the debug tags derive from it")
		case o.dest == "-" && len(presets) > 1:
			return fmt.Errorf("stdout takes one image, and these variants were asked for: %s: give the output a file with dest=FILE, or name one variant",
				strings.Join(presets, ", "))
		}
	}
	return nil
}

// ToStdout says that an image goes to stdout.
func (r *Request) ToStdout() bool {
	return slices.ContainsFunc(r.outputs, func(o output) bool { return o.dest == "-" })
}

// loads says that images go to Docker Engine, false in a dry run.
func (r *Request) loads() bool { return r.writes(output.loads) }

// writes says that an output of a kind is written, false in a dry run.
func (r *Request) writes(kind func(output) bool) bool {
	return !r.dryRun && slices.ContainsFunc(r.outputs, kind)
}

// solveOpt are BuildKit's options for one image, without exports.
func (r *Request) solveOpt(img Image, in *inputs, attachables []session.Attachable) (client.SolveOpt, error) {
	so := client.SolveOpt{
		FrontendAttrs:       maps.Clone(r.attrs),
		LocalMounts:         map[string]fsutil.FS{},
		AllowedEntitlements: r.allow,
		CacheImports:        r.cacheFrom,
		CacheExports:        r.cacheExports(img),
		Session:             slices.Clone(attachables),
	}
	if !img.isProduction() {
		maps.Copy(so.FrontendAttrs, frontend.Attrs(img.Request))
	}
	if err := in.apply(&so); err != nil {
		return so, err
	}
	if img.isProduction() {
		maps.Copy(so.FrontendAttrs, in.attrsOfProduction)
	}
	return so, nil
}

// accounts are those of registries: Docker's, or Podman's where there is no configuration of
// Docker's.
func (r *Request) accounts() authprovider.AuthConfigProvider {
	credentials := authprovider.LoadAuthConfig(r.docker)
	return func(ctx context.Context, host string, scope []string, expired authprovider.ExpireCachedAuthCheck) (types.AuthConfig, error) {
		account, err := credentials(ctx, host, scope, expired)
		if err != nil {
			return account, registry.ExplainCredentials(host, err)
		}
		if _, err := os.Stat(r.docker.Filename); err != nil && account.Password == "" && account.IdentityToken == "" && account.RegistryToken == "" {
			return registry.Account(ctx, host)
		}
		return account, nil
	}
}

// attachables are what the session offers to the build: credentials of registries,
// secrets and SSH agents.
func (r *Request) attachables(in *inputs) ([]session.Attachable, error) {
	list := []session.Attachable{authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{AuthConfigProvider: r.accounts()})}
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
