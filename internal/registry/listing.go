package registry

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/variants"
	"golang.org/x/sync/errgroup"
)

// maxReads is how many images are read at once.
const maxReads = 8

// Status says whether a debug image belongs to what its production tag names.
type Status string

// The statuses.
const (
	Current  Status = "current"  // it is linked with what production's tag names
	Stale    Status = "stale"    // production's tag has moved since
	Gone     Status = "gone"     // production's tag is gone
	Unlinked Status = "unlinked" // nothing says which image it was derived from
)

// statusOf compares the digest of a link with what production's tag names now, empty for
// nothing.
func statusOf(linked, now string) Status {
	switch now {
	case "":
		return Gone
	case linked:
		return Current
	}
	return Stale
}

// Listing is a production image with its debug images.
type Listing struct {
	Repository Reference // without a tag

	// Production is nil where its tag names nothing.
	Production    *Summary
	ProductionTag string // empty where production was named by its digest
	Images        []DebugImage

	// Part is the digest that was named where it is that of one platform of production.
	Part string

	// Unsearched is how many tags there are that may name an index with the image that was
	// named, where these are too many to look.
	Unsearched int
}

// DebugImage is one that a repository has.
type DebugImage struct {
	*Summary

	// Tag is empty where the debug tag names another image by now.
	Tag    string
	Status Status

	// ProductionTag and ProductionDigest are those of the link, empty where there is none.
	ProductionTag, ProductionDigest string
}

// List finds the debug images of a production image, by links and by tags. The reference
// names production or one of the debug images: its tag, or a digest where that is not
// empty. The tag is empty where none was given. The error is an [*Error] of the registry.
func (c *Client) List(ctx context.Context, ref Reference, digest string) (*Listing, error) {
	s, err := c.open(ref)
	if err != nil {
		return nil, err
	}
	op := "reading " + s.spelled(digest)
	list := &Listing{Repository: ref, ProductionTag: ref.tag}
	list.Repository.tag = ""
	named, err := s.read(ctx, ref.tag, digest)
	switch {
	case err != nil:
	case named != nil && named.Ours:
		err = s.listDebug(ctx, list, named)
	case named != nil && digest != "":
		list.Production = named
		if err = s.listDigest(ctx, list); err == nil && len(list.Images) == 0 && !named.isWhole() {
			err = s.listWholes(ctx, list)
		}
	case digest == "":
		list.Production = named
		err = s.listTag(ctx, list)
	}
	if err != nil {
		return nil, explain(op, ref.host, err)
	}
	if list.Production == nil && len(list.Images) == 0 {
		return nil, s.noSuchImage(op, errors.New("nothing is named so"))
	}
	list.sort()
	return list, nil
}

// listDebug lists the siblings of a debug image, and itself.
func (s *session) listDebug(ctx context.Context, list *Listing, named *Summary) error {
	links, err := s.links(ctx, named.Digest)
	if err != nil {
		return err
	}
	slices.SortFunc(links, func(a, b Link) int { return cmp.Compare(a.digest, b.digest) })
	list.ProductionTag = s.productionTag(named.Labels)
	if i := slices.IndexFunc(links, func(l Link) bool { return s.ref.tag == "" || l.DebugTag == s.ref.tag }); i >= 0 {
		list.ProductionTag = links[i].ProductionTag
	}
	if list.ProductionTag != "" {
		if list.Production, err = s.read(ctx, list.ProductionTag, ""); err != nil {
			return err
		}
		if err := s.listTag(ctx, list); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(list.Images, func(img DebugImage) bool { return img.Has(named.Digest) }) {
		return nil
	}
	tag := s.ref.tag
	if now, err := s.tagged(ctx, tag); err != nil || now != named.Digest {
		tag = ""
	}
	itself := DebugImage{Summary: named, Tag: tag}
	itself.belong(links, list.ProductionTag, list.Production)
	list.Images = append(list.Images, itself)
	return nil
}

// listTag lists what belongs to a production tag.
func (s *session) listTag(ctx context.Context, list *Listing) error {
	var links []Link
	var err error
	if list.Production != nil {
		if links, err = s.links(ctx, list.Production.Digest); err != nil {
			return err
		}
	}
	candidates, err := s.candidates(ctx, list.ProductionTag, links)
	if err != nil {
		return err
	}
	list.Images, err = readImages(ctx, candidates, func(ctx context.Context, tag string) (*DebugImage, error) {
		return s.debugImage(ctx, tag, list, links)
	})
	return err
}

// readImages reads a debug image for each of what names them, several at a time. Those that
// are none are left out.
func readImages[T any](ctx context.Context, names []T, read func(context.Context, T) (*DebugImage, error)) (images []DebugImage, err error) {
	found := make([]*DebugImage, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxReads)
	for i, named := range names {
		group.Go(func() (err error) {
			found[i], err = read(ctx, named)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, img := range found {
		if img != nil {
			images = append(images, *img)
		}
	}
	return images, nil
}

// candidates are tags that may be debug tags of a production tag.
func (s *session) candidates(ctx context.Context, production string, links []Link) ([]string, error) {
	var list []string
	for _, v := range variants.Known() {
		list = append(list, production+v.Suffix)
	}
	for _, l := range links {
		list = append(list, l.DebugTag)
	}
	tags, err := s.tags(ctx)
	if ctx.Err() != nil {
		return nil, err
	}
	if err == nil {
		list = slices.DeleteFunc(list, func(tag string) bool { return !slices.Contains(tags, tag) })
	} // Else the registry lists no tags, or not for this user: what links do not name is guessed.
	for _, tag := range tags {
		if rest, ok := strings.CutPrefix(tag, production); ok && beginsSuffix(rest) {
			list = append(list, tag)
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// beginsSuffix tells v1-dbg of v1 from v1.2 and v10.
func beginsSuffix(rest string) bool {
	return len(rest) > 1 && (rest[0] == '-' || rest[0] == '_' || rest[0] == '.' && (rest[1] < '0' || rest[1] > '9'))
}

// debugImage reads a debug tag of the listing's production tag, nil if it is none.
func (s *session) debugImage(ctx context.Context, tag string, list *Listing, links []Link) (*DebugImage, error) {
	sum, err := s.read(ctx, tag, "")
	if err != nil || sum == nil || !sum.Ours {
		return nil, err
	}
	img := &DebugImage{Summary: sum, Tag: tag}
	img.belong(links, list.ProductionTag, list.Production)
	if img.Status == Unlinked {
		if links, err = s.links(ctx, sum.Digest); err != nil {
			return nil, err
		}
		img.belong(links, list.ProductionTag, list.Production)
	}
	if img.ProductionTag != list.ProductionTag && !s.derived(sum.Labels, tag, list.ProductionTag) {
		return nil, nil
	}
	return img, nil
}

// belong says by links whether the image belongs to what the production tag names.
func (d *DebugImage) belong(links []Link, tag string, production *Summary) {
	d.Status = Unlinked
	now := ""
	if production != nil {
		now = production.Digest
	}
	for _, l := range links {
		if l.DebugDigest != d.Digest || l.ProductionTag != tag && d.ProductionTag == tag {
			continue
		}
		d.follow(l, now)
	}
}

// follow takes the status from a link, unless an earlier one is of what production's tag
// names now.
func (d *DebugImage) follow(l Link, now string) {
	status := statusOf(l.ProductionDigest, now)
	if d.Status == Current && status != Current {
		return
	}
	d.Status, d.ProductionTag, d.ProductionDigest = status, l.ProductionTag, l.ProductionDigest
}

// derived says that a debug tag was made of a production tag, by its form or by the image's
// label.
func (s *session) derived(l variants.Labels, tag, production string) bool {
	return production == s.labelledTag(l) || slices.ContainsFunc(variants.Known(), func(v variants.Variant) bool { return tag == production+v.Suffix })
}

// labelledTag is production's tag as the image's label has it, empty where that names
// another repository.
func (s *session) labelledTag(l variants.Labels) string {
	named, err := Parse(l.Reference)
	if l.Reference == "" || err != nil || named.Key().Repository() != s.ref.Key().Repository() {
		return ""
	}
	return named.tag
}

// productionTag is the tag of the production image that the session's tag was made of, empty
// where nothing says it. The label has the first of the tags that a build had.
func (s *session) productionTag(l variants.Labels) string {
	labelled := s.labelledTag(l)
	if labelled != "" && strings.HasPrefix(s.ref.tag, labelled) {
		return labelled
	}
	if v, err := variants.ByName(l.Variant); err == nil {
		if tag, ok := strings.CutSuffix(s.ref.tag, v.Suffix); ok && tag != "" {
			return tag
		}
	}
	return labelled
}

// listDigest lists what is linked with a digest, whatever tags name by now.
func (s *session) listDigest(ctx context.Context, list *Listing) error {
	links, err := s.links(ctx, list.Production.Digest)
	if err != nil {
		return err
	}
	links = slices.DeleteFunc(links, func(l Link) bool { return l.ProductionDigest != list.Production.Digest })
	slices.SortFunc(links, func(a, b Link) int {
		return cmp.Or(cmp.Compare(a.DebugDigest, b.DebugDigest), cmp.Compare(a.DebugTag, b.DebugTag), cmp.Compare(a.digest, b.digest))
	})
	images, err := readImages(ctx, links, s.linkedImage)
	if err != nil {
		return err
	}
	list.Images = slices.CompactFunc(images, func(a, b DebugImage) bool { return a.Digest == b.Digest && a.Tag == b.Tag })
	return nil
}

// linkedImage reads the debug image of a link, nil where that is gone.
func (s *session) linkedImage(ctx context.Context, l Link) (*DebugImage, error) {
	sum, err := s.read(ctx, "", l.DebugDigest)
	if err != nil || sum == nil || !sum.Ours {
		return nil, err
	}
	img := &DebugImage{Summary: sum, ProductionTag: l.ProductionTag, ProductionDigest: l.ProductionDigest}
	tag, err := s.tagged(ctx, l.DebugTag)
	if err != nil {
		return nil, err
	}
	if tag == l.DebugDigest {
		img.Tag = l.DebugTag
	}
	production, err := s.tagged(ctx, l.ProductionTag)
	if err != nil {
		return nil, err
	}
	img.Status = statusOf(l.ProductionDigest, production)
	return img, nil
}

// sort puts the images in the order of the table of variants.
func (l *Listing) sort() {
	order := func(img DebugImage) int {
		i := slices.Index(variants.Names(), img.Labels.Variant)
		if i < 0 {
			return len(variants.Names())
		}
		return i
	}
	slices.SortStableFunc(l.Images, func(a, b DebugImage) int {
		if untagged := a.Tag == ""; untagged != (b.Tag == "") && a.preset() == b.preset() {
			return map[bool]int{true: 1, false: -1}[untagged]
		}
		return cmp.Or(order(a)-order(b), cmp.Compare(a.preset(), b.preset()), cmp.Compare(a.Tag, b.Tag), b.Created.Compare(a.Created))
	})
}

// Preset is the name by which the variant was asked for.
func (d DebugImage) Preset() string { return d.preset() }
