package registry

import (
	"context"
	"fmt"

	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// LinkType is the artifact type of a [Link] in a registry.
const LinkType = "application/vnd.dlvgen.link.v1+json"

// The annotations of a link's manifest that are no labels of an image.
const (
	annotationProductionTag = "io.github.dlvgen.production.tag"
	annotationDebugTag      = "io.github.dlvgen.debug.tag"
	annotationDebugDigest   = "io.github.dlvgen.debug.digest"
	annotationOptions       = "io.github.dlvgen.options"
)

// Link says that a debug image belongs to a production image. A
// registry has it as a manifest of its own, once for each of the two, which is the
// manifest's subject. So neither image depends on the other being there: a build gives the
// same digests whether or not it is linked.
type Link struct {
	ProductionTag, ProductionDigest string
	DebugTag, DebugDigest           string
	Variant, Preset                 string

	// The repository of the other one of the two, REGISTRY/PATH, where it is not the one that
	// the link is in.
	ProductionRepository, DebugRepository string

	// Version is that of the dlvgen that derived the debug image.
	Version string

	// Options names what a published image was derived with, empty for other debug images.
	Options string

	// digest is that of the manifest that was read.
	digest string
}

// manifest is the link as it is attached to a subject. It is the same whenever it is made.
func (l Link) manifest(subject v1.Descriptor) (v1.Image, error) {
	annotations := map[string]string{
		annotationProductionTag:        l.ProductionTag,
		variants.LabelProductionDigest: l.ProductionDigest,
		annotationDebugTag:             l.DebugTag,
		annotationDebugDigest:          l.DebugDigest,
		variants.LabelVariant:          l.Variant,
		variants.LabelPreset:           l.Preset,
		variants.LabelVersion:          l.Version,
		annotationTitle:                fmt.Sprintf("dlvgen: %s is the debug image of %s", l.DebugTag, l.ProductionTag),
	}
	if l.Options != "" {
		annotations[annotationOptions] = l.Options
	}
	if l.ProductionRepository != "" {
		annotations[annotationProductionRepository] = l.ProductionRepository
	}
	if l.DebugRepository != "" {
		annotations[annotationDebugRepository] = l.DebugRepository
	}
	return attachment(LinkType, subject, annotations)
}

// parseLink reads the annotations of a link's manifest, which anybody may have pushed: false
// for what no link says.
func (s *session) parseLink(a map[string]string, digest string) (Link, bool) {
	l := Link{
		ProductionTag: a[annotationProductionTag], ProductionDigest: a[variants.LabelProductionDigest],
		DebugTag: a[annotationDebugTag], DebugDigest: a[annotationDebugDigest],
		Variant: a[variants.LabelVariant], Preset: a[variants.LabelPreset], Version: a[variants.LabelVersion],
		Options: a[annotationOptions],
		digest:  digest,
	}
	for _, digest := range []string{l.ProductionDigest, l.DebugDigest} {
		if !isDigest(digest) {
			return l, false
		}
	}
	for _, tag := range []string{l.ProductionTag, l.DebugTag} {
		if _, err := s.ref.WithTag(tag); err != nil {
			return l, false
		}
	}
	for annotation, field := range map[string]*string{
		annotationProductionRepository: &l.ProductionRepository, annotationDebugRepository: &l.DebugRepository,
	} {
		var ok bool
		if *field, ok = s.linkedRepository(a[annotation]); !ok {
			return l, false
		}
	}
	if l.ProductionRepository != "" && l.DebugRepository != "" {
		return l, false // it is in one of the two
	}
	_, err := variants.ByName(l.Variant)
	return l, err == nil && variants.CheckPreset(l.Preset) == nil
}

func isDigest(digest string) bool {
	_, err := v1.NewHash(digest)
	return err == nil
}

// links are those that are attached to a digest, in no order.
func (s *session) links(ctx context.Context, digest string) ([]Link, error) {
	attached, err := s.attached(ctx, digest, LinkType)
	if err != nil {
		return nil, err
	}
	var list []Link
	for _, d := range attached {
		if l, ok := s.parseLink(d.Annotations, d.Digest.String()); ok && l.isOf(digest) {
			list = append(list, l)
		}
	}
	return list, nil
}

// isOf says that a digest in the link's own repository is one of its two ends.
func (l Link) isOf(digest string) bool {
	return l.ProductionDigest == digest && l.ProductionRepository == "" || l.DebugDigest == digest && l.DebugRepository == ""
}

// isLink says that what has a link's digest is that link, attached to the subject. The list of
// what is attached is a tag that anybody may have pushed, where there is no referrers API, and
// may name an image as a link.
func (s *session) isLink(ctx context.Context, subject string, l Link) (bool, error) {
	m, err := s.manifest(ctx, l.digest)
	if err != nil || m.Config.MediaType != LinkType || m.Subject == nil || m.Subject.Digest.String() != subject {
		return false, err
	}
	is, ok := s.parseLink(m.Annotations, l.digest)
	return ok && is == l, nil
}

// link attaches a link to both of its ends: to the debug image in the session's repository, and
// to production in another session's. Where that cannot be written, the debug image has the
// link all the same. The errors are those of the registries.
func (s *session) link(ctx context.Context, l Link, at *session, production, debug v1.Descriptor) error {
	op := "linking " + s.ref.String() + " with " + l.ProductionTag
	ofProduction, ofDebug := l, l
	if l.ProductionRepository != "" {
		ofProduction.ProductionRepository, ofProduction.DebugRepository = "", at.spell(s.ref)
		ofDebug.ProductionRepository = s.spell(at.ref)
	}
	err := at.attachLink(ctx, ofProduction, production)
	if err != nil && (l.ProductionRepository == "" || ctx.Err() != nil) {
		return explain(op, at.ref.host, err)
	}
	if err := s.attachLink(ctx, ofDebug, debug); err != nil {
		return explain(op, s.ref.host, err)
	}
	if err != nil {
		return fmt.Errorf("only the debug image has the link: %w", explain(op, at.ref.host, err))
	}
	return nil
}

// attachLink attaches a link to one of its ends.
func (s *session) attachLink(ctx context.Context, l Link, subject v1.Descriptor) error {
	img, err := l.manifest(subject)
	if err != nil {
		return err
	}
	_, err = s.pushArtifact(ctx, img)
	return err
}
