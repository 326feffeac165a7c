package bake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/util/gitutil"
)

// ManyTags are production tags of one repository on the command line, and how they are derived
// from.
type ManyTags struct {
	// Repository is a reference without a tag. Included and Excluded are patterns of its tags.
	Repository         string
	Included, Excluded []string

	// Source and AllowMismatch are those of [Published]. A checkout is refused.
	Source        string
	AllowMismatch bool

	// Jobs is how many images are derived at the same time.
	Jobs int

	// Recheck asks for what debug tags name, where they were derived before.
	Recheck bool
}

// DefaultJobs is how many images are derived at the same time if nothing is said: the compiler
// takes all processors of a builder by itself.
const DefaultJobs = 3

// Tags is a request to derive from many tags. [NewTags] makes it, [Tags.Derive] carries it out.
type Tags struct {
	ManyTags
	ref      registry.Reference
	patterns tagPatterns
	options  Options
	env      Environment
	mode     string // of the progress

	// derive is how one image is derived from, [Request.Build], and open how the builder is
	// opened meanwhile.
	derive func(context.Context, *Request, Streams) ([]*Result, error)
	open   func(context.Context, func(string)) (io.Closer, error)
}

// NewTags is [NewDerivation] for many tags. The options name none.
func NewTags(t ManyTags, o Options, env Environment) (*Tags, error) {
	ref, err := parseRepository(t.Repository)
	if err != nil {
		return nil, err
	}
	patterns, err := newTagPatterns(t.Included, t.Excluded)
	if err != nil {
		return nil, err
	}
	if t.Jobs < 1 {
		return nil, fmt.Errorf("--jobs is %d: it must be 1 or more", t.Jobs)
	}
	if err := t.checkSource(); err != nil {
		return nil, err
	}
	if len(o.Tags) > 0 {
		return nil, errors.New("-t names one production reference, and --all-tags derives from several: the debug tags are made from each")
	}
	if !o.Push && !o.DryRun {
		return nil, errors.New("--all-tags needs --push, or --dry-run to list what would be derived")
	}
	o.Push = true // a dry run looks for the same images
	tags := &Tags{ManyTags: t, ref: ref, patterns: patterns, options: o, env: env, derive: deriveOne, open: o.openBuilder}
	r, err := tags.request("", "latest") // any tag shows what is wrong with the options
	if err != nil {
		return nil, err
	}
	tags.mode = r.progress
	if tags.options.Progress = r.progress; tags.Compact() {
		tags.options.Progress = "plain" // which works without a terminal
	}
	return tags, r.checkMany()
}

func deriveOne(ctx context.Context, r *Request, s Streams) ([]*Result, error) { return r.Build(ctx, s) }

// Mode is that of the progress, as --progress or the environment has it.
func (t *Tags) Mode() string { return t.mode }

// Compact says that the builds themselves are not shown.
func (t *Tags) Compact() bool { return t.mode == "auto" || t.mode == "tty" }

// DryRun says that nothing is derived.
func (t *Tags) DryRun() bool { return t.options.DryRun }

// parseRepository reads a reference that has neither a tag nor a digest.
func parseRepository(name string) (registry.Reference, error) {
	if repository, _, digested := strings.Cut(name, "@"); digested {
		return registry.Reference{}, fmt.Errorf("%q has a digest, and --all-tags takes the tags of a whole repository: write %s", name, repository)
	}
	ref, err := registry.Parse(name)
	if err == nil && strings.HasSuffix(name, ":"+ref.Tag()) {
		return ref, fmt.Errorf("%q has a tag, and --all-tags takes those of a whole repository: write %s", name, strings.TrimSuffix(name, ":"+ref.Tag()))
	}
	return ref, err
}

// checkSource refuses sources of one commit: each tag's program has its own.
func (t ManyTags) checkSource() error {
	address, git := strings.CutPrefix(t.Source, "git+")
	if t.Source == "" || !git && !isRemote(t.Source) {
		if t.Source == "" || !IsFolder(t.Source) {
			return nil // NewDerivation says what is wrong
		}
		return errors.New("--source is a checkout, which has the sources of one commit, and --all-tags derives from several: name the repository, such as --source git+https://host.example/app.git")
	}
	if ref, err := gitutil.ParseURL(address); err == nil && ref.Opts != nil && ref.Opts.Ref != "" {
		return fmt.Errorf("--source names the commit %s of a repository, and --all-tags derives from several: leave it out", ref.Opts.Ref)
	}
	return nil
}

// checkMany refuses outputs that one image after the other would be written to.
func (r *Request) checkMany() error {
	for _, o := range r.outputs {
		if !o.pushes() {
			return errors.New("--all-tags pushes images, and has no other output: leave out --load and -o")
		}
	}
	for _, c := range r.cacheTo {
		if cacheExporters[c.Type] != cacheInImage {
			return fmt.Errorf("each image would overwrite the cache of --cache-to type=%s that the one before it wrote: use type=inline", c.Type)
		}
	}
	return nil
}

// request is that for the tags of one digest, or of one tag where that is empty.
func (t *Tags) request(digest string, names ...string) (*Request, error) {
	o := t.options
	o.Tags = nil
	for _, name := range names {
		ref, err := t.ref.WithTag(name)
		if err != nil {
			return nil, err
		}
		o.Tags = append(o.Tags, ref.String())
	}
	ref := o.Tags[0]
	if digest != "" {
		ref += "@" + digest
	}
	return NewDerivation(Published{Ref: ref, Source: t.Source, AllowMismatch: t.AllowMismatch}, o, t.env)
}

// production are the tags that may be of production images, by their names: those that match,
// without those of debug images, and of what is attached to images.
func (t *Tags) production(all []string) (matching []string) {
	for _, tag := range all {
		suffixed := slices.ContainsFunc(variants.Known(), func(v variants.Variant) bool { return strings.HasSuffix(tag, v.Suffix) })
		if t.patterns.match(tag) && !suffixed && !registry.Attached(tag) {
			matching = append(matching, tag)
		}
	}
	debug := map[registry.Key]bool{}
	for _, tag := range matching {
		r, err := t.request("", tag)
		if err != nil {
			continue // which is told of the tag later
		}
		for _, img := range r.images {
			for _, ref := range img.Refs {
				debug[ref.Key()] = true
			}
		}
	}
	return slices.DeleteFunc(matching, func(tag string) bool {
		ref, err := t.ref.WithTag(tag)
		return err != nil || debug[ref.Key()]
	})
}
