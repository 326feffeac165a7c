package bake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/registry"
	"golang.org/x/sync/errgroup"
)

// maxQuestions is how many questions a registry is asked at once.
const maxQuestions = 8

// TagStatus is what becomes of a production tag.
type TagStatus string

// The statuses.
const (
	TagNew     TagStatus = "new"     // it is to be derived from
	TagSkipped TagStatus = "skipped" // its debug images are there
	TagIgnored TagStatus = "ignored" // it is no production image
	TagDerived TagStatus = "derived"
	TagRefused TagStatus = "refused" // there can be no debug image of it
	TagFailed  TagStatus = "failed"
	TagLeft    TagStatus = "left" // the call ended before
)

// TagGroup are the production tags of one digest: they are derived from at once.
type TagGroup struct {
	Repository registry.Reference // without a tag
	Tags       []string           // the newest version first
	Digest     string
	Status     TagStatus
	Err        error // why it is ignored, refused or failed
	Images     []TagImage

	request *Request
}

// TagImage is one debug tag.
type TagImage struct {
	Preset string
	Ref    registry.Reference
	Digest string

	production registry.Reference
	options    string
}

// ImagesOf are the debug tags of one production tag.
func (g *TagGroup) ImagesOf(tag string) []TagImage {
	return slices.DeleteFunc(slices.Clone(g.Images), func(img TagImage) bool { return img.production.Tag() != tag })
}

func (g *TagGroup) end(status TagStatus, err error) { g.Status, g.Err = status, err }

// survey is what a repository has, as far as it is asked for.
type survey struct {
	*Tags
	client  *registry.Client
	catalog *registry.Catalog
	tell    func(string)

	exists map[registry.Key]bool // debug tags, by the lists of their repositories
	lists  map[registry.Key]bool // of which repositories

	record registry.Record
	keeps  bool // the record can be written

	groups []*TagGroup
}

// look finds out what is to be derived from. It asks for the digest of each tag, and of those
// that the record does not have, for what they are.
func (t *Tags) look(ctx context.Context, client *registry.Client, tell func(string)) (*survey, error) {
	catalog, err := client.Catalog(t.ref)
	if err != nil {
		return nil, err
	}
	s := &survey{Tags: t, client: client, catalog: catalog, tell: tell, exists: map[registry.Key]bool{}, lists: map[registry.Key]bool{}}
	all, err := catalog.Tags(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no tags: check the name", t.ref.Repository())
	}
	s.list(t.ref, all)
	matching := t.production(all)
	if len(matching) == 0 {
		return nil, fmt.Errorf("none of the %d tags of %s is %s: debug tags do not count", len(all), t.ref.Repository(), t.patterns)
	}
	if err := s.group(ctx, matching); err != nil {
		return nil, err
	}
	if err := s.readRecord(ctx); err != nil {
		return nil, err
	}
	return s, s.check(ctx)
}

// list notes which tags a repository has.
func (s *survey) list(repository registry.Reference, tags []string) {
	s.lists[repository.Key().Repository()] = true
	for _, tag := range tags {
		if ref, err := repository.WithTag(tag); err == nil {
			s.exists[ref.Key()] = true
		}
	}
}

// group asks for the digests of tags. A tag that is gone by now is left out.
func (s *survey) group(ctx context.Context, tags []string) error {
	digests, errs := make([]string, len(tags)), make([]error, len(tags))
	err := inParallel(ctx, tags, func(ctx context.Context, i int, tag string) error {
		digests[i], errs[i] = s.catalog.Digest(ctx, tag)
		if silent := new(patience.SilentError); errors.As(errs[i], &silent) {
			return errs[i] // so would all the others be
		}
		return nil
	})
	if err != nil {
		return err
	}
	byDigest := map[string]*TagGroup{}
	for i, tag := range tags {
		g := byDigest[digests[i]]
		switch {
		case errs[i] != nil:
			g = &TagGroup{Status: TagFailed, Err: errs[i]}
			s.groups = append(s.groups, g)
		case digests[i] == "":
			continue
		case g == nil:
			g = &TagGroup{Status: TagNew, Digest: digests[i]}
			byDigest[g.Digest] = g
			s.groups = append(s.groups, g)
		}
		g.Tags = append(g.Tags, tag)
	}
	for _, g := range s.groups {
		g.Repository = s.ref
		slices.SortFunc(g.Tags, newestFirst)
		if g.Status == TagNew {
			s.ask(g)
		}
	}
	slices.SortFunc(s.groups, func(a, b *TagGroup) int { return newestFirst(a.Tags[0], b.Tags[0]) })
	return s.distinct()
}

// distinct refuses a debug tag that two images would get, one after the other.
func (s *survey) distinct() error {
	owners := map[registry.Key]*TagGroup{}
	for _, g := range s.groups {
		for _, img := range g.Images {
			before := owners[img.Ref.Key()]
			if before != nil && before != g {
				return fmt.Errorf("tag %s would name the debug images of both %s and %s, which are different: put {tag} into --tag-suffix", img.Ref.Familiar(), before.Tags[0], g.Tags[0])
			}
			owners[img.Ref.Key()] = g
		}
	}
	return nil
}

// inParallel calls f for each of a list, several at a time, until one fails.
func inParallel[T any](ctx context.Context, list []T, f func(context.Context, int, T) error) error {
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(maxQuestions)
	for i, one := range list {
		all.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return f(ctx, i, one)
		})
	}
	return all.Wait()
}

// ask makes the request for a group, and says which debug tags it is to have.
func (s *survey) ask(g *TagGroup) {
	r, err := s.request(g.Digest, g.Tags...)
	if err != nil {
		g.end(TagFailed, err)
		return
	}
	g.request = r
	for _, img := range r.images {
		for i, ref := range img.Refs {
			g.Images = append(g.Images, TagImage{Preset: img.Preset, Ref: ref, production: r.production[i], options: img.options})
		}
	}
}

// readRecord reads what was derived before. Without a record everything is asked for.
func (s *survey) readRecord(ctx context.Context) error {
	var err error
	s.record, err = s.catalog.Record(ctx)
	s.keeps = err == nil
	if err != nil && ctx.Err() == nil {
		s.tell("warning: what was derived before is looked for tag by tag: " + err.Error())
	}
	return ctx.Err()
}

// check skips the groups whose debug images are there, and ignores what is no production image.
func (s *survey) check(ctx context.Context) error {
	var listed sync.Mutex
	return inParallel(ctx, s.groups, func(ctx context.Context, _ int, g *TagGroup) error {
		if g.Status != TagNew {
			return nil
		}
		listed.Lock()
		there, err := s.there(ctx, g)
		listed.Unlock()
		if err == nil && there && !s.again() {
			there, err = s.same(ctx, g)
		}
		switch {
		case err == nil && there && !s.again():
			g.end(TagSkipped, nil)
			return nil
		case err == nil:
			err = s.catalog.CheckProduction(ctx, g.Digest)
		}
		var none *registry.NoProductionError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &none):
			g.end(TagIgnored, err)
		case err != nil:
			g.end(TagFailed, err)
		}
		return nil
	})
}

// again says that images are derived though they are there.
func (s *survey) again() bool { return s.options.NoCache }

// there says that all debug tags of a group exist, whatever they name.
func (s *survey) there(ctx context.Context, g *TagGroup) (bool, error) {
	for _, img := range g.Images {
		if repository := img.Ref.Key().Repository(); !s.lists[repository] {
			catalog, err := s.client.Catalog(img.Ref)
			if err != nil {
				return false, err
			}
			tags, err := catalog.Tags(ctx)
			if err != nil {
				return false, err
			}
			s.list(img.Ref, tags)
		}
		if !s.exists[img.Ref.Key()] {
			return false, nil
		}
	}
	return true, nil
}

// same says that the debug tags of a group name what would be derived: the record has it, or
// else the links of the images. Only the latter, and --recheck, take requests.
func (s *survey) same(ctx context.Context, g *TagGroup) (bool, error) {
	var links []registry.Link
	for i := range g.Images {
		img := &g.Images[i]
		d, recorded := s.record[s.catalog.RecordKey(img.Ref)]
		if recorded && d.Production == g.Digest && d.Options == img.options && !s.Recheck {
			img.Digest = d.Digest
			continue
		}
		now, err := s.now(ctx, img.Ref)
		if err != nil {
			return false, err
		}
		if recorded && d.Production == g.Digest && d.Options == img.options && d.Digest == now {
			img.Digest = now
			continue
		}
		if links == nil {
			if links, err = s.catalog.Linked(ctx, g.Digest); err != nil {
				return false, err
			}
		}
		if now == "" || !slices.ContainsFunc(links, func(l registry.Link) bool { return img.linkedBy(l, g.Digest, now) }) {
			return false, nil
		}
		img.Digest = now
	}
	return true, nil
}

// linkedBy says that a link tells that the debug tag's digest was derived from production's,
// with the same options.
func (i TagImage) linkedBy(l registry.Link, production, digest string) bool {
	at := i.production
	if l.DebugRepository != "" {
		var err error
		if at, err = registry.Parse(l.DebugRepository); err != nil {
			return false
		}
	}
	return i.Ref.Key().Repository() == at.Key().Repository() &&
		l.DebugTag == i.Ref.Tag() && l.DebugDigest == digest && l.ProductionDigest == production && l.Options == i.options
}

// now is what a debug tag names.
func (s *survey) now(ctx context.Context, ref registry.Reference) (string, error) {
	catalog, err := s.client.Catalog(ref)
	if err != nil {
		return "", err
	}
	return catalog.Digest(ctx, ref.Tag())
}
