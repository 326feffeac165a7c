package bake

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/dlvgen/dlvgen/internal/buildkit/builders"
	"github.com/dlvgen/dlvgen/internal/derive/refuse"
	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/registry"
	"golang.org/x/sync/errgroup"
)

const (
	// recordedAfter is how many images are derived until the record is written: a call that is
	// killed leaves as many to be found by their links.
	recordedAfter = 10

	// lastWords is how long the record of a call that was interrupted may take.
	lastWords = 10 * time.Second
)

// TagsView is told how deriving from many tags gets on, by several goroutines.
type TagsView interface {
	// Found has all groups, and says how many are derived from at the same time.
	Found(groups []*TagGroup, jobs int)

	// Begin gives the streams of the build of a group, End is called when that has ended.
	Begin(*TagGroup) Streams
	End(*TagGroup)
}

// Derive derives from all tags that match, but for those whose debug images are there. What fails
// for a tag is its group's error; a group that is not [TagNew] any more has ended. The error says
// why nothing was derived at all, or is the context's.
func (t *Tags) Derive(ctx context.Context, s Streams, view TagsView) ([]*TagGroup, error) {
	tell := func(line string) {
		if t.mode != "quiet" && t.mode != "rawjson" {
			s.Tell(line)
		}
	}
	client := registry.New(registry.WithPatience(&patience.Patience{Tell: tell}), registry.WithInsecure(t.options.Insecure...))
	found, err := t.look(ctx, client, tell)
	if err != nil {
		return nil, err
	}
	var todo []*TagGroup
	for _, g := range found.groups {
		if g.Status == TagNew {
			todo = append(todo, g)
		}
	}
	view.Found(found.groups, t.Jobs)
	if t.options.DryRun {
		return found.groups, nil
	}
	if len(todo) > 0 {
		for _, ref := range repositories(todo) {
			if err := client.CheckPush(ctx, ref); err != nil {
				return nil, err
			}
		}
		// The jobs open it for themselves: it has to be there, and is not to end between two.
		on, err := t.open(ctx, tell)
		if err != nil {
			return nil, err
		}
		defer func() { _ = on.Close() }()
	}
	notes := found.notes()
	prerelease := &sync.Once{}
	var jobs errgroup.Group
	jobs.SetLimit(t.Jobs)
	for _, g := range todo {
		g.request.prerelease = prerelease
		jobs.Go(func() error {
			if ctx.Err() != nil {
				g.end(TagLeft, nil)
				return nil
			}
			t.deriveGroup(ctx, g, view.Begin(g))
			notes.add(ctx, g)
			view.End(g)
			return nil
		})
	}
	_ = jobs.Wait()
	notes.close(ctx)
	return found.groups, ctx.Err()
}

// repositories are those that are written to.
func repositories(groups []*TagGroup) []registry.Reference {
	var refs []registry.Reference
	for _, g := range groups {
		for _, img := range g.Images {
			refs = append(refs, img.Ref)
		}
	}
	return registry.Repositories(refs)
}

// openBuilder opens the builder that the options name.
func (o Options) openBuilder(ctx context.Context, tell func(string)) (io.Closer, error) {
	return builders.Open(ctx, builders.FromEnvironment(o.Addr, o.Builder, tell))
}

// deriveGroup derives from one image, and keeps of it what is reported.
func (t *Tags) deriveGroup(ctx context.Context, g *TagGroup, s Streams) {
	results, err := t.derive(ctx, g.request, s)
	g.request = nil
	var refusal *refuse.Error
	switch {
	case err == nil:
		g.end(TagDerived, nil)
	case ctx.Err() != nil:
		g.end(TagLeft, nil)
	case errors.As(err, &refusal):
		g.end(TagRefused, err)
	default:
		g.end(TagFailed, err)
	}
	digests := map[registry.Key]string{}
	for _, res := range results {
		for _, ref := range res.Refs {
			digests[ref.Key()] = res.Digest()
		}
	}
	for i, img := range g.Images {
		g.Images[i].Digest = digests[img.Ref.Key()]
	}
}

// notes are what the record is to have.
type notes struct {
	survey  *survey
	removed registry.Record

	mu      sync.Mutex
	added   registry.Record
	pending int
	err     error
}

// notes begins with what was found without the record, and what the record has of debug tags
// that there are no longer.
func (s *survey) notes() *notes {
	n := &notes{survey: s, added: registry.Record{}, removed: registry.Record{}}
	for _, g := range s.groups {
		if g.Status == TagSkipped {
			n.take(g)
		}
	}
	for debug, d := range s.record {
		ref, err := s.ref.WithTag(debug)
		if err == nil && !s.exists[ref.Key()] { // the tags of other repositories are no tags
			n.removed[debug] = d
		}
	}
	return n
}

func (n *notes) take(g *TagGroup) {
	for _, img := range g.Images {
		key := n.survey.catalog.RecordKey(img.Ref)
		d := registry.Derived{Debug: key, Digest: img.Digest, Production: g.Digest, Options: img.options}
		if n.survey.record[key] != d {
			n.added[key] = d
		}
		delete(n.removed, key)
	}
}

// add takes a group that was derived, and writes the record from time to time.
func (n *notes) add(ctx context.Context, g *TagGroup) {
	if g.Status != TagDerived {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.take(g)
	if n.pending++; n.pending%recordedAfter == 0 {
		n.write(ctx)
	}
}

// close writes the rest, also where the call was interrupted.
func (n *notes) close(ctx context.Context) {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastWords)
		defer cancel()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.write(ctx)
	if n.err != nil {
		n.survey.tell("warning: what was derived is not recorded, so the next call asks for each debug tag: " + n.err.Error())
	}
}

func (n *notes) write(ctx context.Context) {
	if !n.survey.keeps || len(n.added)+len(n.removed) == 0 {
		return
	}
	if n.err = n.survey.catalog.Write(ctx, n.added, n.removed); n.err == nil {
		clear(n.added)
		clear(n.removed)
	}
}
