package registry

// DebugImage is one that a repository has.
type DebugImage struct {
	*Summary

	// Repository is the image's, without a tag.
	Repository Reference

	// Tag is empty where the debug tag names another image by now.
	Tag    string
	Status Status

	// ProductionTag and ProductionDigest are those of the link, empty where there is none, and
	// ProductionRepository is production's where that is not the image's, REGISTRY/PATH.
	ProductionTag, ProductionDigest, ProductionRepository string

	// Unread says why production cannot be read: its status is Unknown.
	Unread error
}

// Is tells whether a reference, or a digest of its repository where that is not empty, names
// the image.
func (d DebugImage) Is(ref Reference, digest string) bool {
	return ref.Other(d.Repository) == "" && (digest != "" && d.Has(digest) || digest == "" && d.Tag == ref.tag)
}
