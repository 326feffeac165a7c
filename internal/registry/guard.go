package registry

import (
	"context"
	"errors"
	"fmt"
)

// NotOursError says that a tag exists and names something that dlvgen did not make.
type NotOursError struct {
	Ref    Reference
	Reason string // how that was seen
	Forced bool   // --force would have written it
}

func (e *NotOursError) Error() string {
	advice := "choose another --tag-suffix or delete it"
	if e.Forced {
		advice = "choose another --tag-suffix, delete it, or overwrite it with --force"
	}
	return fmt.Sprintf("tag %s exists and was not made by dlvgen (%s): %s", e.Ref.Familiar(), oneLine(e.Reason), advice)
}

// ProductionTagError says that a production tag was about to be written.
type ProductionTagError struct{ Ref Reference }

func (e *ProductionTagError) Error() string {
	return fmt.Sprintf("tag %s is a production tag, which dlvgen does not write: choose another --tag-suffix", e.Ref.Familiar())
}

// Guard returns nil if the tag may be written: it is absent, or every image that it
// names, one or those of an index, carries dlvgen's label, or any with [WithForce], or it is a
// production tag that was asked for. Otherwise the error is a
// [*ProductionTagError], a [*NotOursError], or an [*Error] of the registry. The first call for
// a tag remembers what it names, for [Client.Move], unless it is to be overwritten by force.
func (c *Client) Guard(ctx context.Context, ref Reference) error {
	if c.production[ref.Key()] {
		return &ProductionTagError{Ref: ref}
	}
	if c.askedFor[ref.Key()] {
		return nil
	}
	s, err := c.open(ref)
	if err != nil {
		return err
	}
	digest, err := s.guard(ctx)
	var notOurs *NotOursError
	switch {
	case err == nil:
		c.sawFirst(ref, digest)
	case errors.As(err, &notOurs) && c.force:
		return nil
	case notOurs != nil:
		notOurs.Forced = true
	}
	return err
}

// GuardAll guards several tags at the same time, and returns the first error in their order.
func (c *Client) GuardAll(ctx context.Context, refs []Reference) error {
	return each(refs, func(ref *Reference) error { return c.Guard(ctx, *ref) })
}

// guard returns the digest that the session's tag names, "" where it is absent.
func (s *session) guard(ctx context.Context) (string, error) {
	op := fmt.Sprintf("reading %s", s.ref)
	top, err := s.puller.Get(ctx, s.repo.Tag(s.ref.tag))
	if isAbsent(err) {
		return "", nil
	}
	if err != nil {
		return "", explain(op, s.ref.host, err)
	}
	images, err := s.images(ctx, top)
	if err != nil {
		return "", s.foreign(op, err)
	}
	for _, img := range images {
		if img.attestation {
			continue
		}
		if err := img.checkOurs(); err != nil {
			return "", s.foreign(op, err)
		}
	}
	return top.Digest.String(), nil
}

// foreign tells what cannot be read, because the registry fails, from what is not
// dlvgen's.
func (s *session) foreign(op string, err error) error {
	if isFailure(err) {
		return explain(op, s.ref.host, err)
	}
	return &NotOursError{Ref: s.ref, Reason: err.Error()}
}
