package session

import (
	"context"
	"strings"

	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
)

// Production is the image that runs.
type Production struct {
	// Name is the reference that it was started with, or its id.
	Name string

	// ID is the engine's.
	ID string

	// Tags are its references, that of Name first, where that is one.
	Tags []registry.Reference

	// Digests are its digests by repository, REPOSITORY@DIGEST, none for an image that no
	// registry has.
	Digests []string

	// Platform is OS/ARCH.
	Platform string

	// Labels are what it says of itself, where it is a debug image: Kind is empty else.
	Labels variants.Labels
}

// newProduction reads what an engine says of an image.
func newProduction(name, id string, tags, digests []string) Production {
	p := Production{Name: name, ID: id, Digests: digests}
	for _, tag := range append([]string{name}, tags...) {
		named, _, _ := strings.Cut(tag, "@")
		ref, err := registry.Parse(named)
		if err != nil || strings.HasPrefix(id, "sha256:"+named) || strings.HasPrefix(named, "sha256:") || p.has(ref) {
			continue // an id, or a tag that came twice
		}
		p.Tags = append(p.Tags, ref)
	}
	return p
}

func (p Production) has(ref registry.Reference) bool {
	for _, tag := range p.Tags {
		if tag.Key() == ref.Key() {
			return true
		}
	}
	return false
}

// Digest is the digest that a registry has it by, else its id.
func (p Production) Digest() string {
	for _, one := range p.Digests {
		if _, digest, ok := strings.Cut(one, "@"); ok {
			return digest
		}
	}
	return p.ID
}

// hasDigest tells whether a registry has it by a digest.
func (p Production) hasDigest(digest string) bool {
	for _, one := range p.Digests {
		if _, is, _ := strings.Cut(one, "@"); digest != "" && is == digest {
			return true
		}
	}
	return false
}

// inRepository tells whether one of its tags or digests is in the repository of a reference.
func (p Production) inRepository(ref registry.Reference) bool {
	for _, tag := range p.Tags {
		if tag.Other(ref) == "" {
			return true
		}
	}
	for _, one := range p.Digests {
		if own, _, err := registry.ParseImage(one); err == nil && own.Other(ref) == "" {
			return true
		}
	}
	return false
}

// Published is the image as a registry has it: REPOSITORY@DIGEST, the first that one answers for,
// since a tag may have moved, and an engine may have made up the digest of an image that it built.
// Else it is the first tag, which the engine may have alone.
func (f Finder) Published(ctx context.Context, p Production) string {
	for _, one := range p.Digests {
		ref, digest, err := registry.ParseImage(one)
		if err != nil {
			continue
		}
		if _, _, err := f.Registry.Resolve(ctx, ref, digest); err == nil {
			return one
		}
	}
	if len(p.Tags) > 0 {
		return p.Tags[0].Familiar()
	}
	return p.Name
}

// String is the image as messages name it.
func (p Production) String() string {
	if digest := p.Digest(); !strings.Contains(p.Name, digest) && digest != "" {
		return p.Name + " (" + digest + ")"
	}
	return p.Name
}
