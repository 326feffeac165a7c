package bake

import (
	"fmt"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/ociindex"
	"github.com/moby/buildkit/identity"
	"github.com/opencontainers/go-digest"
)

// parseNamedContext splits NAME=VALUE. A name may be an image reference, which then
// replaces that image in FROM lines: it is brought to its familiar form.
func parseNamedContext(arg string) (name, value string, err error) {
	name, value, ok := strings.Cut(arg, "=")
	if !ok || value == "" {
		return "", "", fmt.Errorf("--build-context is %q: it must be NAME=VALUE", arg)
	}
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return "", "", fmt.Errorf("--build-context is %q: the name %q is not valid: %w", arg, name, err)
	}
	return strings.TrimSuffix(reference.FamiliarString(named), ":latest"), value, nil
}

const ociLayoutScheme = "oci-layout://"

// ociLayout is a reference into an OCI image layout, a folder or a session's store:
// oci-layout://PATH[:TAG][@DIGEST].
type ociLayout struct {
	path   string
	tag    string
	digest digest.Digest
}

// String is the reference as the frontend reads it.
func (l ociLayout) String() string {
	s := ociLayoutScheme + l.path
	if l.tag != "" {
		s += ":" + l.tag
	}
	return s + "@" + l.digest.String()
}

// openOCILayout resolves a reference to a folder, and returns it as a reference to a
// session's store of a new name, with that store.
func openOCILayout(value string) (ociLayout, content.Store, error) {
	l, err := parseOCILayout(value)
	if err != nil {
		return l, nil, err
	}
	if l.digest == "" {
		index := ociindex.NewStoreIndex(l.path)
		desc, err := index.Get(l.tag)
		if err == nil && desc == nil {
			desc, err = index.GetSingle()
		}
		if err != nil {
			return l, nil, fmt.Errorf("reading the index of %s: %w", value, err)
		}
		if desc == nil {
			return l, nil, fmt.Errorf("%s names no image: the layout has several, add @DIGEST or :TAG", value)
		}
		l.digest = desc.Digest
	}
	store, err := local.NewStore(l.path)
	if err != nil {
		return l, nil, fmt.Errorf("opening %s: %w", value, err)
	}
	l.path = identity.NewID()
	return l, store, nil
}

func parseOCILayout(value string) (ociLayout, error) {
	l := ociLayout{path: strings.TrimPrefix(value, ociLayoutScheme)}
	if i := strings.LastIndex(l.path, "@"); i >= 0 && reference.DigestRegexp.MatchString(l.path[i+1:]) {
		d, err := digest.Parse(l.path[i+1:])
		if err != nil {
			return l, fmt.Errorf("the digest of %s is not valid: %w", value, err)
		}
		l.path, l.digest = l.path[:i], d
	}
	// The colon of a drive of Windows is followed by a separator.
	if i := strings.LastIndex(l.path, ":"); i >= 0 && !strings.ContainsAny(l.path[i:], `/\`) {
		l.path, l.tag = l.path[:i], l.path[i+1:]
	}
	if l.tag == "" && l.digest == "" {
		l.tag = "latest"
	}
	return l, nil
}
