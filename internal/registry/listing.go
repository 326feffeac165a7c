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
	Unknown  Status = "unknown"  // production is in another repository, which cannot be read
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
	Repository Reference // production's, without a tag

	// Production is nil where its tag names nothing.
	Production    *Summary
	ProductionTag string // empty where production was named by its digest
	Images        []DebugImage

	// Part is the digest that was named where it is that of one platform of production.
	Part string

	// Unsearched is how many tags there are that may name an index with the image that was
	// named, where these are too many to look.
	Unsearched int

	// Unread says what is missing: which other repositories could not be read.
	Unread []error
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
	list := &Listing{Repository: ref.bare(), ProductionTag: ref.tag}
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
		err = s.listTag(ctx, list, "")
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
	from, err := s.productionBy(ctx, links, named.Labels)
	if err != nil {
		return err
	}
	list.Repository, list.ProductionTag = from.ref.bare(), from.ref.tag
	if list.ProductionTag != "" {
		asked, enough := ctx, context.CancelFunc(func() {})
		if s.isElsewhere(from) {
			asked, enough = s.client.askElsewhere(ctx)
		}
		err := from.listProduction(asked, list, s.ref)
		enough()
		if err != nil && (!s.isElsewhere(from) || ctx.Err() != nil) {
			return err
		}
		if err != nil {
			list.Unread = append(list.Unread, from.readFailure(err))
		}
	}
	if slices.ContainsFunc(list.Images, func(img DebugImage) bool { return img.Has(named.Digest) && s.isAt("", img.Repository) }) {
		return nil
	}
	tag := s.ref.tag
	if now, err := s.tagged(ctx, tag); err != nil || now != named.Digest {
		tag = ""
	}
	itself := s.image(named, tag)
	itself.belong(s.linksWith(links, list.Repository), list.ProductionTag, list.Production)
	if itself.Status == Gone && len(list.Unread) > 0 {
		itself.Status, itself.Unread = Unknown, list.Unread[0]
	}
	list.Images = append(list.Images, itself)
	return nil
}

// listTag lists what belongs to a production tag of the session's repository: what that has, and
// what the repositories have that its links name, and another one.
func (s *session) listTag(ctx context.Context, list *Listing, another string) error {
	var links []Link
	var err error
	if list.Production != nil {
		if links, err = s.links(ctx, list.Production.Digest); err != nil {
			return err
		}
	}
	if list.Images, err = s.debugImagesOf(ctx, list, links); err != nil {
		return err
	}
	repositories, err := elsewhere(links)
	if err != nil {
		list.Unread = append(list.Unread, err)
	}
	if other, err := Parse(another); err == nil && !slices.ContainsFunc(repositories, func(one string) bool { return s.isAt(one, other) }) {
		repositories = append(repositories, another)
	}
	return s.eachElsewhere(ctx, list, repositories, func(ctx context.Context, other *session) ([]DebugImage, error) {
		return other.debugImagesOf(ctx, list, slices.DeleteFunc(slices.Clone(links), func(l Link) bool { return !s.isAt(l.DebugRepository, other.ref) }))
	})
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

// candidates are tags that may be debug tags of the production tag of a listing.
func (s *session) candidates(ctx context.Context, of *Listing, links []Link) ([]string, error) {
	production := of.ProductionTag
	var list []string
	for _, v := range variants.Known() {
		list = append(list, production+v.Suffix)
	}
	if !s.isAt("", of.Repository) {
		list = append(list, production)
	}
	for _, l := range links {
		if l.DebugRepository == "" || !s.isAt("", of.Repository) {
			list = append(list, l.DebugTag)
		}
	}
	tags, err := s.tags(ctx)
	if ctx.Err() != nil {
		return nil, err
	}
	if err == nil {
		list = slices.DeleteFunc(list, func(tag string) bool { return !slices.Contains(tags, tag) })
	} // Else the registry lists no tags, or not for this user: what links do not name is guessed.
	for _, tag := range tags {
		before, behind, ok := strings.Cut(tag, production)
		if ok && (before == "" && beginsSuffix(behind) || behind == "" && endsPrefix(before)) {
			list = append(list, tag)
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// debugImage reads a debug tag of the listing's production tag, nil if it is none. In another
// repository than production's it is one if it says so itself, with a link or its label.
func (s *session) debugImage(ctx context.Context, tag string, list *Listing, links []Link) (*DebugImage, error) {
	sum, err := s.read(ctx, tag, "")
	if err != nil || sum == nil || !sum.Ours {
		return nil, err
	}
	one := s.image(sum, tag)
	img, here := &one, s.isAt("", list.Repository)
	if img.Status = Unlinked; here {
		img.belong(s.linksWith(links, list.Repository), list.ProductionTag, list.Production)
	}
	if img.Status == Unlinked {
		if links, err = s.links(ctx, sum.Digest); err != nil {
			return nil, err
		}
		img.belong(s.linksWith(links, list.Repository), list.ProductionTag, list.Production)
	}
	switch {
	case img.ProductionTag == list.ProductionTag:
	case here && s.derived(sum.Labels, tag, list.ProductionTag):
	case !here && isLabelled(sum.Labels, list):
	default:
		return nil, nil
	}
	return img, nil
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
	images := func(ctx context.Context, at *session, named string) ([]DebugImage, error) {
		theirs := slices.DeleteFunc(slices.Clone(links), func(l Link) bool { return l.DebugRepository != named })
		return readImages(ctx, theirs, func(ctx context.Context, l Link) (*DebugImage, error) { return s.linkedImage(ctx, at, l) })
	}
	if list.Images, err = images(ctx, s, ""); err != nil {
		return err
	}
	repositories, err := elsewhere(links)
	if err != nil {
		list.Unread = append(list.Unread, err)
	}
	err = s.eachElsewhere(ctx, list, repositories, func(ctx context.Context, other *session) ([]DebugImage, error) {
		return images(ctx, other, other.ref.Repository())
	})
	list.Images = slices.CompactFunc(list.Images, func(a, b DebugImage) bool {
		return a.Digest == b.Digest && a.Tag == b.Tag && a.Repository.Key() == b.Repository.Key()
	})
	return err
}

// linkedImage reads the debug image of a link from its repository, nil where that is gone, or
// where another repository has one that does not say so itself.
func (s *session) linkedImage(ctx context.Context, at *session, l Link) (*DebugImage, error) {
	sum, err := at.read(ctx, "", l.DebugDigest)
	if err != nil || sum == nil || !sum.Ours {
		return nil, err
	}
	one := at.image(sum, "")
	img := &one
	img.ProductionTag, img.ProductionDigest = l.ProductionTag, l.ProductionDigest
	if s.isElsewhere(at) {
		links, err := at.links(ctx, sum.Digest)
		i := slices.IndexFunc(links, func(own Link) bool {
			return own.ProductionDigest == l.ProductionDigest && own.DebugTag == l.DebugTag && at.isAt(own.ProductionRepository, s.ref)
		})
		if err != nil || i < 0 {
			return nil, err
		}
		img.ProductionRepository = links[i].ProductionRepository
	}
	tag, err := at.tagged(ctx, l.DebugTag)
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

// far is how far from production an image is: the nearest comes first, and is the one that is
// chosen of several, as links of strangers may name registries of theirs.
func (l *Listing) far(img DebugImage) int {
	switch {
	case l.Repository.Other(img.Repository) == "":
		return 0
	case canonicalHost(l.Repository.host) == canonicalHost(img.Repository.host):
		return 1
	}
	return 2
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
		if untagged := a.Tag == ""; untagged != (b.Tag == "") && a.Preset() == b.Preset() {
			return map[bool]int{true: 1, false: -1}[untagged]
		}
		return cmp.Or(order(a)-order(b), cmp.Compare(a.Preset(), b.Preset()), l.far(a)-l.far(b), cmp.Compare(a.Repository.Repository(), b.Repository.Repository()), cmp.Compare(a.Tag, b.Tag), b.Created.Compare(a.Created))
	})
}
