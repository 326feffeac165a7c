package bake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/internal/gomodule"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants/delve"
	"github.com/moby/buildkit/util/gitutil"
	"github.com/moby/buildkit/util/urlutil"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Published is a published image on the command line, and what its program is compiled from.
type Published struct {
	// Ref is the image's reference, with a tag, a digest or both.
	Ref string

	// Source is a folder or the URL of a git repository, git+URL[#REF]. Without one, the
	// program's build information decides.
	Source string

	// AllowMismatch takes sources of another commit than the program's.
	AllowMismatch bool
}

// NewDerivation is NewRequest for a published image. The options say nothing of a context or
// a Dockerfile. Without tags, the debug tags are made from the image's own.
func NewDerivation(p Published, o Options, env Environment) (*Request, error) {
	from, err := newPublished(p)
	if err != nil {
		return nil, err
	}
	o = o.withModuleVariables(production.ModuleVariables, env)
	from.sources.Secrets, from.sources.SSH = secretIDs(o.Secrets), len(o.SSH) > 0
	if len(o.Tags) == 0 && from.tagged {
		o.Tags = []string{from.ref.String()}
	}
	if len(o.Tags) == 0 && (o.Push || o.Load) {
		return nil, fmt.Errorf("%s names an image by its digest alone: add -t with the production reference, the debug tags derive from it", p.Ref)
	}
	r, err := requestOf(o, from, env)
	if err == nil {
		err = r.nameOptions(from.sources)
	}
	return r, err
}

// published is a published image as the source of production.
type published struct {
	ref    registry.Reference
	tagged bool   // ref has a tag that was given
	pinned bool   // the digest was given
	digest string // "" until it is known

	folder  string // of the sources, "" for none
	sources production.Sources
}

func newPublished(p Published) (*published, error) {
	from := &published{sources: production.Sources{AllowMismatch: p.AllowMismatch}}
	name, _, hasDigest := strings.Cut(p.Ref, "@")
	var err error
	if from.ref, err = registry.Parse(name); err != nil {
		return nil, err
	}
	from.tagged = true
	if hasDigest {
		named, err := reference.ParseNormalizedNamed(p.Ref)
		digested, ok := named.(reference.Digested)
		if err != nil || !ok {
			return nil, fmt.Errorf("the image reference %q is invalid: write the digest as sha256:HEX", p.Ref)
		}
		from.digest, from.pinned = digested.Digest().String(), true
		_, from.tagged = named.(reference.Tagged)
	}
	switch address, git := strings.CutPrefix(p.Source, "git+"); {
	case p.Source == "":
	case !git && IsFolder(p.Source):
		from.folder, from.sources.Folder = p.Source, true
		from.sources.Revision, from.sources.Changed = checkout(p.Source)
	case git || isRemote(p.Source):
		if _, err := gitutil.ParseURL(address); err != nil {
			var unread *url.Error // which has the URL, with what is secret in it
			if errors.As(err, &unread) {
				err = unread.Err
			}
			return nil, fmt.Errorf("--source is %q: %w", withoutUser(p.Source), err)
		}
		from.sources.Git = address
	default:
		return nil, fmt.Errorf("--source is %q: it must be a folder, or the URL of a git repository, such as git+https://host.example/app.git", withoutUser(p.Source))
	}
	return from, nil
}

// withoutUser is what messages show of a URL, also of one that cannot be read: not a name and a
// password.
func withoutUser(source string) string {
	if redacted := urlutil.RedactCredentials(source); redacted != source {
		return redacted
	}
	at := strings.LastIndexByte(source, '@')
	if at < 0 {
		return source
	}
	scheme, _, ok := strings.Cut(source[:at], "://")
	if ok {
		scheme += "://"
	} else {
		scheme = ""
	}
	return scheme + "xxxxx" + source[at:]
}

// linked is the digest that debug images of a production reference are linked with: "" for what
// that names, where it is another than the one that is derived from.
func (p *published) linked(ref registry.Reference) string {
	if p.pinned && ref.Key().Repository() == p.ref.Key().Repository() || ref.Key() == p.ref.Key() {
		return p.digest
	}
	return ""
}

// String is the image's reference, with its digest where that is known.
func (p *published) String() string {
	name := p.ref.Repository()
	if p.tagged {
		name = p.ref.String()
	}
	if p.digest == "" {
		return name
	}
	return name + "@" + p.digest
}

// load implements [source].
func (p *published) load(in *inputs, _ io.Reader) (production.Source, error) {
	if p.folder != "" {
		in.sharedKey = baseName(p.folder)
		if err := in.mount("context", p.folder); err != nil {
			return nil, err
		}
	}
	return production.Published{Ref: p.String(), Sources: p.sources}, nil
}

// resolve asks the registry for the digest of a published image, and for its platforms where
// none were asked for. It does nothing for other sources. A Docker Engine may have an image
// that no registry has: the error is kept for checkEngine then.
func (b *builder) resolve(ctx context.Context) error {
	p, ok := b.source.(*published)
	if !ok {
		return nil
	}
	dgst, has, err := b.registry.Resolve(ctx, p.ref, p.digest)
	if err != nil {
		b.unresolved = err
		return ctx.Err()
	}
	p.digest = dgst
	list, err := b.choosePlatforms(p, has)
	if err != nil || len(list) == 0 {
		return err
	}
	var names []string
	for _, one := range list {
		names = append(names, platforms.FormatAll(one))
	}
	b.platforms, b.attrs["platform"] = list, strings.Join(names, ",")
	return nil
}

// choosePlatforms checks those that were asked for, or else chooses all of the image's that
// Delve supports. There are none where the builder is to choose.
func (b *builder) choosePlatforms(p *published, has []ocispecs.Platform) ([]ocispecs.Platform, error) {
	var names []string
	var usable []ocispecs.Platform
	for i, one := range has {
		has[i] = platforms.Normalize(one)
		names = append(names, platforms.FormatAll(has[i]))
		if delve.Ships(has[i].OS, has[i].Architecture) {
			usable = append(usable, has[i])
		}
	}
	for _, asked := range b.platforms {
		if !slices.ContainsFunc(has, platforms.OnlyStrict(platforms.Normalize(asked)).Match) {
			return nil, fmt.Errorf("%s is for %s, and not for %s of --platform", p.ref.Familiar(), strings.Join(names, ", "), platforms.FormatAll(asked))
		}
	}
	switch {
	case len(b.platforms) > 0:
		return nil, nil
	case len(usable) == 0:
		return nil, fmt.Errorf("%s is for %s, and Delve supports none of them", p.ref.Familiar(), strings.Join(names, ", "))
	case len(usable) > 1 && b.loads():
		return nil, nil // Docker Engine takes one: the builder's own
	}
	if len(usable) < len(has) {
		var left []string
		for _, one := range has {
			if !delve.Ships(one.OS, one.Architecture) {
				left = append(left, platforms.FormatAll(one))
			}
		}
		b.notify(fmt.Sprintf("warning: Delve does not support %s, so there is no debug image for that", strings.Join(left, ", ")))
	}
	return usable, nil
}

// checkEngine lets an image pass that no registry has, if the builder is a Docker Engine that
// has it.
func (b *builder) checkEngine(ctx context.Context) error {
	p, ok := b.source.(*published)
	if !ok || b.unresolved == nil {
		return nil
	}
	if !b.engineBuilds() || p.digest != "" {
		return b.unresolved
	}
	_, has, err := b.engine.Labels(ctx, p.ref.String())
	if err != nil {
		return errors.Join(b.unresolved, err)
	}
	if !has {
		return fmt.Errorf("Docker Engine has no image %s, and %w", p.ref.Familiar(), b.unresolved)
	}
	return nil
}

// checkout asks git for the commit of a folder, and whether files that it tracks have changed.
// The commit is "" where git does not tell.
func checkout(dir string) (revision string, changed bool) {
	ctx, cancel := context.WithTimeout(context.Background(), gitLimit)
	defer cancel()
	revision, err := gomodule.Git(ctx, dir, "rev-parse", "--verify", "HEAD")
	if err != nil {
		return "", false
	}
	status, err := gomodule.Git(ctx, dir, "status", "--porcelain", "--untracked-files=no")
	return revision, err == nil && status != ""
}
