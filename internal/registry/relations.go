package registry

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/dlvgen/dlvgen/variants"
)

// productionBy is the session of the production tag that a debug image belongs to, by its links
// or else by its labels.
func (s *session) productionBy(ctx context.Context, links []Link, l variants.Labels) (*session, error) {
	i := slices.IndexFunc(links, func(l Link) bool { return l.DebugRepository == "" && (s.ref.tag == "" || l.DebugTag == s.ref.tag) })
	if i >= 0 {
		return s.at(links[i].ProductionRepository, links[i].ProductionTag)
	}
	return s.production(ctx, l)
}

// listProduction lists what belongs to the session's production tag, as seen from a debug image.
func (s *session) listProduction(ctx context.Context, list *Listing, debug Reference) (err error) {
	if list.Production, err = s.read(ctx, list.ProductionTag, ""); err != nil {
		return err
	}
	if err := s.listTag(ctx, list, s.ref.Other(debug)); err != nil {
		return err
	}
	if list.Production == nil && s.ref.Other(debug) != "" {
		_, err = s.now(ctx)
	}
	return err
}

// eachElsewhere adds what other repositories have to the list. What cannot be read there is
// missing from it: a stranger may have named them.
func (s *session) eachElsewhere(ctx context.Context, list *Listing, repositories []string, images func(context.Context, *session) ([]DebugImage, error)) error {
	asked, enough := s.client.askElsewhere(ctx)
	defer enough()
	sessions, found := make([]*session, len(repositories)), make([][]DebugImage, len(repositories))
	errs := make([]error, len(repositories))
	var reading sync.WaitGroup
	for i, repository := range repositories {
		var err error
		if sessions[i], err = s.at(repository, ""); err != nil {
			return err
		}
		reading.Go(func() { found[i], errs[i] = images(asked, sessions[i]) })
	}
	reading.Wait()
	for i, other := range sessions {
		if errs[i] != nil {
			list.Unread = append(list.Unread, explain("reading the debug images in "+other.ref.Repository(), other.ref.host, errs[i]))
		}
		list.Images = append(list.Images, found[i]...)
	}
	return ctx.Err()
}

// endsPrefix tells dbg-v1 of v1 from xv1.
func endsPrefix(before string) bool {
	return strings.HasSuffix(before, "-") || strings.HasSuffix(before, "_") || strings.HasSuffix(before, ".")
}

// image is a debug image of the session's repository.
func (s *session) image(sum *Summary, tag string) DebugImage {
	return DebugImage{Summary: sum, Repository: s.ref.bare(), Tag: tag}
}

// isElsewhere says that another session's repository is not this one's.
func (s *session) isElsewhere(other *session) bool { return s.ref.Other(other.ref) != "" }

// linksWith are the links of debug images in the session's repository with production in
// another one, or in this one.
func (s *session) linksWith(links []Link, production Reference) []Link {
	return slices.DeleteFunc(slices.Clone(links), func(l Link) bool { return l.DebugRepository != "" || !s.isAt(l.ProductionRepository, production) })
}

// isLabelled says that a debug image's label names the listing's production tag.
func isLabelled(l variants.Labels, list *Listing) bool {
	ref, err := Parse(l.Reference)
	return l.Reference != "" && err == nil && ref.Key().Repository() == list.Repository.Key().Repository() && ref.tag == list.ProductionTag
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
// names now, or of what cannot be read.
func (d *DebugImage) follow(l Link, now string) {
	status := statusOf(l.ProductionDigest, now)
	if (d.Status == Current || d.Status == Unknown) && status != Current {
		return
	}
	d.Unread = nil
	d.Status, d.ProductionTag, d.ProductionDigest, d.ProductionRepository = status, l.ProductionTag, l.ProductionDigest, l.ProductionRepository
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

// beginsSuffix tells v1-dbg of v1 from v1.2 and v10.
func beginsSuffix(rest string) bool {
	return len(rest) > 1 && (rest[0] == '-' || rest[0] == '_' || rest[0] == '.' && (rest[1] < '0' || rest[1] > '9'))
}

// debugImagesOf are the debug images in the session's repository that belong to the production
// tag of the list. links are production's that name this repository.
func (s *session) debugImagesOf(ctx context.Context, list *Listing, links []Link) ([]DebugImage, error) {
	candidates, err := s.candidates(ctx, list, links)
	if err != nil {
		return nil, err
	}
	return readImages(ctx, candidates, func(ctx context.Context, tag string) (*DebugImage, error) {
		return s.debugImage(ctx, tag, list, links)
	})
}
