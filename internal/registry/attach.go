package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/dlvgen/dlvgen/variants"
)

// ErrNoProduction says that a debug image was not linked because its production image is not
// in the registry.
var ErrNoProduction = errors.New("the production image is not in the registry")

// Attachment is what became of the link of a debug tag.
type Attachment struct {
	// Debug and Production are the tags, Digest that of the debug image.
	Debug, Production Reference
	Digest            string

	// ProductionDigest is empty where Err is not nil.
	ProductionDigest string

	// Err is [ErrNoProduction], or says why the registry has no link.
	Err error
}

// attachAll links what was pushed with its production.
func (c *Client) attachAll(ctx context.Context, pending []Pending) []Attachment {
	var done []Attachment
	marked := map[string]bool{} // production images, by repository and digest
	for _, p := range pending {
		if p.Link.ProductionTag == "" {
			continue
		}
		a := Attachment{Debug: p.Ref, Digest: p.Digest}
		a.Production, a.Err = p.production()
		if a.Err == nil {
			a.ProductionDigest, a.Err = c.attach(ctx, p, a.Production, marked)
		}
		done = append(done, a)
	}
	return done
}

// production is the reference of the production tag that the image belongs to.
func (p Pending) production() (Reference, error) {
	ref := p.Ref
	if p.Link.ProductionRepository != "" {
		var err error
		if ref, err = Parse(p.Link.ProductionRepository); err != nil {
			return Reference{}, err
		}
	}
	return ref.WithTag(p.Link.ProductionTag)
}

// attach links one image with a production tag, and returns production's digest. marked has the
// production images whose platforms are marked already.
func (c *Client) attach(ctx context.Context, p Pending, tag Reference, marked map[string]bool) (string, error) {
	s, err := c.open(p.Ref)
	if err != nil {
		return "", err
	}
	l := p.Link
	l.DebugTag, l.DebugDigest = p.Ref.tag, p.Digest
	op := "linking " + p.Ref.String() + " with " + l.ProductionTag
	at, err := c.open(tag)
	if err != nil {
		return "", err
	}
	production, err := at.puller.Get(ctx, at.named(l.ProductionDigest))
	if isAbsent(err) {
		return "", ErrNoProduction
	}
	if err != nil {
		return "", explain(op, at.ref.host, err)
	}
	if l.ProductionDigest != "" {
		if production, err = at.whole(ctx, l.ProductionTag, production); err != nil {
			return "", explain(op, at.ref.host, err)
		}
	}
	l.ProductionDigest = production.Digest.String()
	if l.ProductionDigest == l.DebugDigest {
		return "", fmt.Errorf("%s: both are the same image", op)
	}
	seen, known := c.seenAt(tag)
	moved := p.Link.ProductionDigest == "" && known && seen != "" && seen != l.ProductionDigest
	if err := s.checkRevision(ctx, l, at, moved); err != nil {
		return "", err
	}
	var unmarked error
	if key := at.spelled(l.ProductionDigest); !marked[key] {
		if unmarked = at.markParts(ctx, production); unmarked != nil && !s.isElsewhere(at) {
			return "", explain(op, at.ref.host, unmarked)
		}
		marked[key] = unmarked == nil
	}
	if err := s.link(ctx, l, at, production.Descriptor, p.pushed.Descriptor); err != nil {
		return "", err
	}
	if unmarked != nil {
		return "", explain(op, at.ref.host, unmarked)
	}
	return l.ProductionDigest, nil
}

// labelRevision is OCI's for the commit that an image was built from.
const labelRevision = "org.opencontainers.image.revision"

// checkRevision tells that a production tag names the image of another commit, where both
// images say theirs. What cannot be read says nothing, unless the tag moved while the debug
// image was built: that is linked only with an image of its own commit.
func (s *session) checkRevision(ctx context.Context, l Link, at *session, moved bool) error {
	production, debug, err := s.revisions(ctx, l, at)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	known := err == nil && production != "" && debug != ""
	switch {
	case known && production != debug:
		return fmt.Errorf("%s is of revision %q, and the debug image of %q: push the production image, then run `dlvgen attach`",
			l.ProductionTag, production, debug)
	case !known && moved:
		return fmt.Errorf("%s has moved while the debug image was built, which may be of the image before: if it is not, run `dlvgen attach`", l.ProductionTag)
	}
	return nil
}

// revisions are those of both images, "" where one does not say its own.
func (s *session) revisions(ctx context.Context, l Link, at *session) (production, debug string, err error) {
	labels, err := at.labels(ctx, l.ProductionDigest)
	if err != nil || labels[labelRevision] == "" {
		return "", "", err
	}
	production = labels[labelRevision]
	labels, err = s.labels(ctx, l.DebugDigest)
	return production, labels[labelRevision], err
}

// Attach does for a debug tag what [Client.Move] does for one that it writes, but for the
// tag: it verifies what the tag names, or the digest where that is not empty, and links it
// with production. Production is the tag or the whole reference that is given, or what the
// image's label says, or what the tag's suffix leaves. The error is a [*NotOursError], a [*VerifyError],
// an [*Error] of the registry, or says why nothing is known of production.
func (c *Client) Attach(ctx context.Context, ref Reference, digest, production string) (Attachment, error) {
	s, err := c.open(ref)
	if err != nil {
		return Attachment{}, err
	}
	op := "reading " + s.spelled(digest)
	top, err := s.puller.Get(ctx, s.named(digest))
	if isAbsent(err) {
		return Attachment{}, s.noSuchImage(op, err)
	}
	if err != nil {
		return Attachment{}, explain(op, ref.host, err)
	}
	digest = top.Digest.String()
	img, err := s.summary(ctx, top)
	if err != nil {
		return Attachment{}, s.foreign(op, err)
	}
	if !img.Ours {
		return Attachment{}, fmt.Errorf("%s was not made by dlvgen (it lacks the label %s): name a debug image", ref.Familiar(), variants.LabelVersion)
	}
	if img.Problem != nil {
		return Attachment{}, fmt.Errorf("%s has %w", ref.Familiar(), img.Problem)
	}
	if _, err := s.verify(ctx, digest, true, &askedLayers{}); err != nil {
		return Attachment{}, err
	}
	from, err := s.productionOf(ctx, production, img.Labels)
	if err != nil {
		return Attachment{}, err
	}
	if from.tag == "" {
		return Attachment{}, fmt.Errorf("nothing says which production image %s belongs to: name its tag with --production", ref.Familiar())
	}
	link := Link{ProductionTag: from.tag, ProductionRepository: ref.Other(from), Variant: img.Labels.Variant, Preset: img.Preset(), Version: img.Labels.Version}
	done := c.attachAll(ctx, []Pending{{Ref: ref, Digest: digest, Link: link, pushed: top}})[0]
	if errors.Is(done.Err, ErrNoProduction) {
		return done, fmt.Errorf("%s is not in the registry: push the production image first, or name another tag with --production", done.Production.Familiar())
	}
	return done, done.Err
}

// productionOf is the production image of a debug image: as it is named, a tag of the same
// repository or a whole reference, or as the labels say.
func (s *session) productionOf(ctx context.Context, named string, l variants.Labels) (Reference, error) {
	switch {
	case named == "":
		at, err := s.production(ctx, l)
		if err != nil {
			return Reference{}, explain("reading "+s.ref.String(), s.ref.host, err)
		}
		return at.ref, nil
	case IsWhole(named):
		return Parse(named)
	}
	return s.ref.WithTag(named)
}

// noSuchImage is the error for a reference that names nothing.
func (s *session) noSuchImage(op string, err error) error {
	return &Error{Op: op, Host: s.ref.host, Found: "has no such image", Advice: "check the name and the tag", Err: err}
}
