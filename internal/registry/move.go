package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"
)

// Pending is a debug tag that waits to be moved to what was pushed.
type Pending struct {
	Ref    Reference
	Digest string // of the manifest or index, already in Ref's repository: "sha256:..."

	// Link says what the image belongs to: [Client.Move] sets the debug image, and
	// production's digest where that is empty. It is not linked where ProductionTag is empty.
	Link Link

	pushed *remote.Descriptor // what Digest names, when it was read
}

// MovedError says that somebody else has moved a tag since it was looked at.
type MovedError struct {
	Ref Reference
	Now string // the digest that it names, "" where it is deleted
}

func (e *MovedError) Error() string {
	now := "was deleted"
	if e.Now != "" {
		now = "was moved to another debug image, " + e.Now + ","
	}
	return fmt.Sprintf("tag %s %s while this one was built, and stays as it is: build again to replace it", e.Ref.Familiar(), now)
}

// MoveError says that a tag could not be moved, and what became of the others.
type MoveError struct {
	Failed Reference
	Err    error

	// PutBack were moved before, and name again what they named. Moved could not be put
	// back, for the reason of Stuck. Left were not tried.
	PutBack, Moved, Left []Reference
	Stuck                error

	// Unknown says that Failed may have moved too: the registry does not say.
	Unknown bool
}

func (e *MoveError) Error() string {
	outcome := "no tag was moved"
	switch {
	case len(e.Moved) > 0:
		outcome = fmt.Sprintf("moved, and not put back: %s", list(e.Moved))
		if unmoved := slices.Concat(e.PutBack, e.Left); len(unmoved) > 0 {
			outcome += "; not moved: " + list(unmoved)
		}
		if e.Stuck != nil {
			outcome += "; putting back failed: " + e.Stuck.Error()
		}
	case len(e.PutBack) > 0:
		outcome += ": " + list(e.PutBack) + " put back"
	}
	if e.Unknown {
		outcome += "; it is not known whether this one moved"
	}
	return oneLine(fmt.Sprintf("moving tag %s failed (%s): %s", e.Failed.Familiar(), outcome, e.Err))
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

// each does something for all of a list, several at a time, and returns the first error in the
// list's order.
func each[T any](list []T, do func(*T) error) error {
	errs := make([]error, len(list))
	var group errgroup.Group
	group.SetLimit(maxHeads)
	for i := range list {
		group.Go(func() error {
			errs[i] = do(&list[i])
			return nil
		})
	}
	_ = group.Wait()
	return cmp.Or(errs...)
}

// Move moves all the tags, or if anything is wrong with one of them, none: it guards
// every tag, verifies every digest, links the images with production, and moves the tags
// last, in the order given. An image that cannot be linked is as good as others.
// A tag that has changed since [Client.Guard] is a [*MovedError]. Registries cannot move
// several tags at once: if one fails after that, those before are put back, and the error is
// a [*MoveError].
func (c *Client) Move(ctx context.Context, pending []Pending) ([]Attachment, error) {
	digests := map[Key]string{}
	for _, p := range pending {
		if before, ok := digests[p.Ref.Key()]; ok && before != p.Digest {
			return nil, fmt.Errorf("tag %s would name both %s and %s: give the variants different tags", p.Ref.Familiar(), before, p.Digest)
		}
		digests[p.Ref.Key()] = p.Digest
	}
	pending = slices.Clone(pending)
	if err := each(pending, func(p *Pending) error { return c.Guard(ctx, p.Ref) }); err != nil {
		return nil, err
	}
	asked := &askedLayers{}
	err := each(pending, func(p *Pending) (err error) {
		p.pushed, err = c.verify(ctx, p.Ref, p.Digest, asked)
		return err
	})
	if err != nil {
		return nil, err
	}
	attached := c.attachAll(ctx, pending)
	moves, err := c.prepare(ctx, pending)
	if err != nil {
		return attached, err
	}
	return attached, c.moveAll(ctx, moves)
}

// move is a tag that is about to be moved.
type move struct {
	*session
	Pending
	before state
}

// prepare does all that need not be done between the first tag and the last one: it logs in
// where it writes, and reads what the tags name.
func (c *Client) prepare(ctx context.Context, pending []Pending) ([]*move, error) {
	var moves []*move
	loggedIn := map[*remote.Pusher]bool{} // a repository's
	for _, p := range pending {
		s, err := c.open(p.Ref)
		if err != nil {
			return nil, err
		}
		m := &move{Pending: p, session: s}
		if !loggedIn[m.pusher] {
			if err := m.pusher.Push(ctx, m.repo.Digest(p.Digest), p.pushed); err != nil { // it is there: this is the login alone
				return nil, m.failed(err)
			}
			loggedIn[m.pusher] = true
		}
		moves = append(moves, m)
	}
	return moves, each(moves, func(m **move) error { return c.look(ctx, *m) })
}

// look reads what a tag names right before it is written. It fails where that is not what
// [Client.Guard] saw, or what the tag is to name.
func (c *Client) look(ctx context.Context, m *move) error {
	var err error
	if m.before, err = m.state(ctx); err != nil {
		return m.failed(err)
	}
	seen, known := c.seenAt(m.Ref)
	if !known || c.askedFor[m.Ref.Key()] || m.before.digest == seen || m.before.digest == m.Digest {
		return nil
	}
	return m.changed(ctx, m.before)
}

// changed is the error for a tag that somebody else has moved: to what is not dlvgen's, or to
// another debug image.
func (m *move) changed(ctx context.Context, now state) error {
	if _, err := m.guard(ctx); err != nil {
		return err
	}
	return &MovedError{Ref: m.Ref, Now: now.digest}
}

func (m *move) failed(err error) error {
	return explain(fmt.Sprintf("tagging %s", m.Ref), m.Ref.host, err)
}

// moveAll moves the tags, or puts back those that it has moved.
func (c *Client) moveAll(ctx context.Context, moves []*move) error {
	for i, m := range moves {
		err := m.write(ctx)
		if err == nil {
			c.saw(m.Ref, m.Digest)
			continue
		}
		failed := &MoveError{Failed: m.Ref, Err: err}
		for _, left := range moves[i+1:] {
			failed.Left = append(failed.Left, left.Ref)
		}
		failed.putBack(ctx, c, moves[:i+1])
		var moved *MovedError
		if errors.As(err, &moved) && len(failed.Moved) == 0 {
			return err
		}
		return failed
	}
	return nil
}

// write moves one tag. An answer may be lost: what counts is what the tag names then.
func (m *move) write(ctx context.Context) error {
	if m.before.digest == m.Digest {
		return nil
	}
	err := m.put(ctx, m.pushed, m.before)
	if err == nil {
		return nil
	}
	if now, readErr := m.state(ctx); readErr == nil && now.digest == m.Digest {
		return nil
	}
	if changed := new(changedError); errors.As(err, &changed) {
		return m.changed(ctx, changed.now)
	}
	return m.refused(err)
}

// refused words the error of a write: a tag that exists may be one that never changes.
func (m *move) refused(err error) error {
	failed := m.failed(err)
	if e := new(Error); errors.As(failed, &e) && m.before.digest != "" {
		e.Advice = adviceOnOverwrite(err, e.Advice)
	}
	return failed
}

// putBack makes the tags name again what they did, the last one first, also where the call was
// interrupted. The last one has failed: it may have moved nevertheless.
func (e *MoveError) putBack(ctx context.Context, c *Client, moves []*move) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.patience.Most())
	defer cancel()
	for i, m := range slices.Backward(moves) {
		if m.before.digest == m.Digest {
			continue
		}
		was, err := m.putBack(ctx)
		switch {
		case err != nil && i == len(moves)-1:
			e.Unknown = true
		case err != nil:
			e.Moved = append(e.Moved, m.Ref)
			e.Stuck = err
			continue
		case was && i < len(moves)-1:
			e.PutBack = append(e.PutBack, m.Ref)
		}
		c.saw(m.Ref, m.before.digest)
	}
	slices.Reverse(e.Moved)
	slices.Reverse(e.PutBack)
}

// putBack undoes one move, false where the tag does not name what was moved.
func (m *move) putBack(ctx context.Context) (bool, error) {
	now, err := m.state(ctx)
	if err != nil {
		return false, m.failed(err)
	}
	if now.digest != m.Digest {
		return false, nil
	}
	if m.before.digest == "" {
		err = m.pusher.Delete(ctx, m.repo.Tag(m.Ref.tag))
		if isAbsent(err) {
			err = nil
		}
	} else if err = m.put(ctx, m.before.image, now); errors.As(err, new(*changedError)) {
		return false, nil
	}
	if err != nil {
		return false, m.failed(err)
	}
	return true, nil
}
