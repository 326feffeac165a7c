package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"
)

// fallbackTag is the tag under which registries without the referrers API have what is
// attached to a digest ("Referrers Tag Schema" in the distribution-spec).
func fallbackTag(digest string) string { return strings.Replace(digest, ":", "-", 1) }

// attachedTag has those tags, and cosign's. Other tags that begin with "sha256-" are images'.
var attachedTag = regexp.MustCompile(`^sha256-[0-9a-f]{64}(\..*)?$`)

// Leftovers are the debug tags of a repository whose production tag is gone or has moved, or is
// not known since it is in another repository that cannot be read: [Client.Delete] refuses these.
// It returns how many debug tags there are, too. It reads every tag.
func (c *Client) Leftovers(ctx context.Context, ref Reference) (left []DebugImage, debug int, err error) {
	s, err := c.open(ref)
	if err != nil {
		return nil, 0, err
	}
	op := "reading the tags of " + ref.Repository()
	tags, err := s.tags(ctx)
	if err != nil {
		return nil, 0, explain(op, ref.host, err)
	}
	found, digests, err := s.debugImages(ctx, tags)
	if err != nil {
		return nil, 0, explain(op, ref.host, err)
	}
	others := others{}
	asked, enough := context.WithTimeout(ctx, 20*c.patience.Most())
	defer enough()
	for _, img := range found {
		if img == nil {
			continue
		}
		debug++
		named := *s
		named.ref.tag = img.Tag
		if err := named.settle(ctx, asked, img, digests, others); err != nil {
			return nil, 0, explain(op, ref.host, err)
		}
		if img.Status == Stale || img.Status == Gone || img.Status == Unknown {
			left = append(left, *img)
		}
	}
	return left, debug, nil
}

// debugImages reads all tags: those of debug images, and the digests of all.
func (s *session) debugImages(ctx context.Context, tags []string) ([]*DebugImage, map[string]string, error) {
	found := make([]*DebugImage, len(tags))
	digests := make([]string, len(tags))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxReads)
	for i, tag := range tags {
		if attachedTag.MatchString(tag) {
			continue
		}
		group.Go(func() error {
			sum, err := s.read(ctx, tag, "")
			if err != nil {
				return err
			}
			if sum == nil { // no image: the digest is what counts
				digests[i], err = s.tagged(ctx, tag)
				return err
			}
			digests[i] = sum.Digest
			if sum.Ours {
				one := s.image(sum, tag)
				found[i] = &one
				found[i].Status = Unlinked
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	named := map[string]string{}
	for i, tag := range tags {
		named[tag] = digests[i]
	}
	return found, named, nil
}

// settle says what became of the production tag of a debug image that the session's tag
// names: the one that its link has, else the one that its label says. Without both,
// production may be in another repository. others has what became of tags there, asked under a
// context of their own.
func (s *session) settle(ctx, asked context.Context, img *DebugImage, digests map[string]string, others others) error {
	links, err := s.links(ctx, img.Digest)
	if err != nil {
		return err
	}
	for _, l := range links {
		if l.DebugDigest != img.Digest || l.DebugTag != img.Tag || l.DebugRepository != "" {
			continue
		}
		if l.ProductionRepository == "" {
			img.follow(l, digests[l.ProductionTag])
			continue
		}
		now, err := others.now(asked, s, l)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		img.followElsewhere(l, now, err)
	}
	if labelled := s.labelledTag(img.Labels); img.Status == Unlinked && img.Problem == nil && labelled != "" {
		img.ProductionTag = s.productionTag(img.Labels) // another one of the tags that a build had
		if digests[img.ProductionTag] == "" && digests[labelled] == "" {
			img.Status = Gone
		}
	}
	return nil
}

// DeletionError says that a registry does not let images be deleted, or not by this user.
type DeletionError struct {
	Host string
	Err  error
}

func (e *DeletionError) Error() string {
	var denied *Error
	if errors.As(e.Err, &denied) {
		return denied.Error()
	}
	found, _ := explainNetwork(e.Err, e.Host)
	var status *transport.Error
	if errors.As(e.Err, &status) {
		found, _ = explainStatus(status, e.Host)
	}
	return oneLine(fmt.Sprintf("registry %s does not delete images by its API: it %s: delete the tags with its own tools, or turn deletion on (Distribution: storage.delete.enabled)", e.Host, found))
}

// Unwrap returns the cause.
func (e *DeletionError) Unwrap() error { return e.Err }

// Delete deletes a debug tag that [Client.Leftovers] found, what links it with production,
// and the image, where no other tag names it. The tag stays where it names another image by
// now, or one that dlvgen did not make, or production's tag is there again. The error is a [*DeletionError], a
// [*NotOursError], or an [*Error] of the registry.
func (c *Client) Delete(ctx context.Context, ref Reference, img DebugImage) error {
	if ref.tag = img.Tag; c.production[ref.Key()] {
		return &ProductionTagError{Ref: ref}
	}
	s, err := c.open(ref)
	if err != nil {
		return err
	}
	op := "deleting " + ref.String()
	now, err := s.tagged(ctx, img.Tag)
	if err != nil {
		return explain(op, ref.host, err)
	}
	if now != img.Digest {
		return fmt.Errorf("%s: the tag has moved to another image meanwhile", op)
	}
	if _, err := s.guard(ctx); err != nil {
		return err
	}
	production, err := s.productionNow(ctx, img)
	if err != nil {
		return fmt.Errorf("%s: it stays, as its production image cannot be read: %w", op, err)
	}
	if production != "" && (img.Status == Gone || production == img.ProductionDigest) {
		return fmt.Errorf("%s: its production tag %s is there meanwhile", op, img.ProductionTag)
	}
	links, err := s.links(ctx, img.Digest)
	if err != nil {
		return explain(op, ref.host, err)
	}
	switch err := s.deleteTag(ctx, img); {
	case isRefusal(err):
		return &DeletionError{Host: ref.host, Err: err}
	case isDenied(err):
		return &DeletionError{Host: ref.host, Err: explain(op, ref.host, err)}
	case errors.Is(err, errShared):
		return fmt.Errorf("%s: %w", op, err)
	case err != nil:
		return explain(op, ref.host, err)
	}
	err = s.deleteLinks(ctx, img, links)
	var left *LinkError
	if errors.As(err, &left) {
		return left
	}
	if err != nil || img.ProductionRepository != "" {
		return explain("deleting the links of "+ref.String(), ref.host, err)
	}
	return explain("deleting the symbols of "+s.spelled(img.ProductionDigest), ref.host, s.deleteSymbols(ctx, img.ProductionDigest))
}

// productionNow is the digest that the production tag of a debug image names, empty for none.
func (s *session) productionNow(ctx context.Context, img DebugImage) (string, error) {
	if img.ProductionTag == "" {
		return "", nil
	}
	at, err := s.at(img.ProductionRepository, img.ProductionTag)
	if err != nil {
		return "", err
	}
	if !s.isElsewhere(at) {
		now, err := s.tagged(ctx, img.ProductionTag)
		return now, explain("reading "+at.ref.String(), at.ref.host, err)
	}
	ctx, enough := s.client.askElsewhere(ctx)
	defer enough()
	return at.now(ctx)
}

var errShared = errors.New("the registry deletes whole images only, and another tag names this one, or an index that has it")

// isRefusal says that a registry deletes nothing, or not by tag.
func isRefusal(err error) bool {
	var status *transport.Error
	return errors.As(err, &status) && slices.Contains([]int{http.StatusMethodNotAllowed, http.StatusBadRequest, http.StatusNotImplemented}, status.StatusCode)
}

// isDenied says that a registry wants another account.
func isDenied(err error) bool {
	var status *transport.Error
	return errors.As(err, &status) && (status.StatusCode == http.StatusUnauthorized || status.StatusCode == http.StatusForbidden)
}

// deleteTag deletes the tag, and the image behind it unless another tag names it. Some
// registries delete images only, by their digests, with all tags; others want the tags
// deleted first.
func (s *session) deleteTag(ctx context.Context, img DebugImage) error {
	byTag := s.pusher.Delete(ctx, s.repo.Tag(img.Tag))
	if byTag != nil && !isRefusal(byTag) && !isAbsent(byTag) {
		return byTag
	}
	shared, err := s.isShared(ctx, img)
	if err != nil {
		return err
	}
	if shared && byTag != nil {
		return errShared
	}
	if shared {
		return nil
	}
	err = s.pusher.Delete(ctx, s.repo.Digest(img.Digest))
	if byTag == nil || isAbsent(err) {
		return nil // the tag is gone; an image that nothing names is for the registry to clean up
	}
	return err
}

// isShared says that another tag names the image, or an index that has it.
func (s *session) isShared(ctx context.Context, img DebugImage) (bool, error) {
	tags, err := s.tags(ctx)
	if err != nil {
		return false, err
	}
	for _, tag := range tags {
		if tag == img.Tag || attachedTag.MatchString(tag) {
			continue
		}
		if holder, err := s.holder(ctx, tag, img.Digest); err != nil || holder != "" {
			return holder != "", err
		}
	}
	return false, nil
}
