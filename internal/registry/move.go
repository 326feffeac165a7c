package registry

import (
	"context"
	"fmt"
	"strings"
)

// Pending is a debug tag that waits to be moved to what was pushed.
type Pending struct {
	Ref    Reference
	Digest string // of the manifest or index, already in Ref's repository: "sha256:..."

	// Link says what the image belongs to: [Client.Move] sets the debug image, and
	// production's digest where that is empty. It is not linked where ProductionTag is empty.
	Link Link
}

// MoveError says that some tags were moved before one could not be.
type MoveError struct {
	Moved  []Reference // in the order in which they were moved, possibly none
	Failed Reference
	Left   []Reference // those behind Failed, which were not tried
	Err    error
}

func (e *MoveError) Error() string {
	outcome := "no tag was moved"
	if len(e.Moved) > 0 {
		outcome = "moved before: " + list(e.Moved)
		if len(e.Left) > 0 {
			outcome += "; not moved: " + list(e.Left)
		}
	}
	return fmt.Sprintf("moving tag %s failed (%s): %s", e.Failed.Familiar(), outcome, e.Err)
}

func list(refs []Reference) string {
	names := make([]string, len(refs))
	for i, ref := range refs {
		names[i] = ref.Familiar()
	}
	return strings.Join(names, ", ")
}

// Unwrap returns the cause.
func (e *MoveError) Unwrap() error { return e.Err }

// Tag makes a tag name what was pushed by digest. It guards nothing but production
// tags, which it refuses with a [*ProductionTagError]: [Client.Move] is for use.
func (c *Client) Tag(ctx context.Context, p Pending) error {
	if c.production[p.Ref.Key()] {
		return &ProductionTagError{Ref: p.Ref}
	}
	s, err := c.open(p.Ref)
	if err != nil {
		return err
	}
	op := fmt.Sprintf("tagging %s", p.Ref)
	pushed, err := s.puller.Get(ctx, s.repo.Digest(p.Digest))
	if err != nil {
		return explain(op, s.ref.host, err)
	}
	return explain(op, s.ref.host, s.pusher.Put(ctx, s.repo.Tag(p.Ref.tag), pushed))
}

// Move moves all the tags, or if anything is wrong with one of them, none: it guards
// every tag, verifies every digest, links the images with production, and moves the tags
// last, in the order given. An image that cannot be linked is as good as others.
// Registries cannot move several tags at once: if one fails after that, the error is a
// [*MoveError] that names those before.
func (c *Client) Move(ctx context.Context, pending []Pending) ([]Attachment, error) {
	digests := map[Key]string{}
	for _, p := range pending {
		if before, ok := digests[p.Ref.Key()]; ok && before != p.Digest {
			return nil, fmt.Errorf("tag %s would name both %s and %s: give the variants different tags", p.Ref.Familiar(), before, p.Digest)
		}
		digests[p.Ref.Key()] = p.Digest
	}
	for _, p := range pending {
		if err := c.Guard(ctx, p.Ref); err != nil {
			return nil, err
		}
	}
	for _, p := range pending {
		if err := c.Verify(ctx, p.Ref, p.Digest); err != nil {
			return nil, err
		}
	}
	attached := c.attachAll(ctx, pending)
	var moved []Reference
	for i, p := range pending {
		if err := c.Tag(ctx, p); err != nil {
			failed := &MoveError{Moved: moved, Failed: p.Ref, Err: err}
			for _, left := range pending[i+1:] {
				failed.Left = append(failed.Left, left.Ref)
			}
			return attached, failed
		}
		moved = append(moved, p.Ref)
	}
	return attached, nil
}
