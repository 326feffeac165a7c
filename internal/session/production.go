package session

import (
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

// Published is the image as its registry has it: REPOSITORY@DIGEST, in the repository of the first
// tag where it is there, else that tag. It is empty for an image without tags and digests.
func (p Production) Published() string {
	for _, one := range p.Digests {
		if own, _, err := registry.ParseImage(one); err == nil && len(p.Tags) > 0 && own.Other(p.Tags[0]) == "" {
			return one
		}
	}
	switch {
	case len(p.Tags) > 0:
		return p.Tags[0].Familiar()
	case len(p.Digests) > 0:
		return p.Digests[0]
	}
	return ""
}

// String is the image as messages name it.
func (p Production) String() string {
	if digest := p.Digest(); !strings.Contains(p.Name, digest) && digest != "" {
		return p.Name + " (" + digest + ")"
	}
	return p.Name
}
