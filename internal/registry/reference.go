// Package registry puts debug tags next to production tags. BuildKit pushes debug
// images by digest; this package looks at what the debug tags name so far, reads what
// was pushed once more, and only then moves the tags. It never writes a production tag
// and never takes over a tag that is not dlvgen's.
package registry

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-containerregistry/pkg/name"
)

// Reference is a tag in a repository of a registry, spelled out as Docker does:
// "app" is docker.io/library/app:latest. The host stays as it was written, which is how
// credentials and mirrors are configured for it.
type Reference struct {
	_ [0]func() // no ==: one tag can be spelled in several ways, see Key

	host, path, tag string
}

// Key is what all ways to spell a reference have in common. Keys can be compared.
type Key struct{ host, path, tag string }

// Key returns the canonical form: names of hosts have no case, ports 443 and 80 are those
// that are meant without one, and Docker Hub has several names. It may take two tags for
// one, of a registry that speaks TLS on port 80 too, never one for two.
func (r Reference) Key() Key {
	key := Key{host: canonicalHost(r.host), path: r.path, tag: r.tag}
	if key.host == dockerHub && !strings.Contains(key.path, "/") {
		key.path = "library/" + key.path
	}
	return key
}

// Repository is the key of the repository, the same for all its tags.
func (k Key) Repository() Key {
	k.tag = ""
	return k
}

// Repositories are the first of the references to each repository, in their order.
func Repositories(refs []Reference) []Reference {
	var list []Reference
	seen := map[Key]bool{}
	for _, ref := range refs {
		if key := ref.Key().Repository(); !seen[key] {
			seen[key] = true
			list = append(list, ref)
		}
	}
	return list
}

const dockerHub = "docker.io"

// canonicalHost returns HOST[:PORT] in the form of which there is one only.
func canonicalHost(host string) string {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.Trim(host, "[]"), ""
	}
	if number, err := strconv.ParseUint(port, 10, 16); err == nil {
		port = strconv.FormatUint(number, 10)
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if ip, err := netip.ParseAddr(name); err == nil {
		name = ip.Unmap().String()
	}
	if isLoopback(name) {
		name = "localhost" // this machine, whichever of its names was taken
	}
	switch name {
	case "index.docker.io", "registry-1.docker.io":
		name = dockerHub
	}
	switch port {
	case "", "80", "443":
		return name
	}
	return net.JoinHostPort(name, port)
}

// Parse reads a reference as users write it with -t. The tag defaults to latest.
// Digests and names that no registry takes are errors, each of one line.
func Parse(ref string) (Reference, error) {
	if ref == "" {
		return Reference{}, errors.New("the image reference is empty: write one such as app:v1")
	}
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return Reference{}, invalid(ref, err)
	}
	if _, ok := named.(reference.Digested); ok {
		return Reference{}, fmt.Errorf("the image reference %q has a digest, which cannot be pushed to: write a tag such as %s:v1",
			ref, reference.FamiliarName(named))
	}
	host := reference.Domain(named)
	if strings.ToLower(host) != host && !strings.ContainsAny(host, ".:") {
		// Docker takes it for a host, because it cannot be part of a repository's name.
		return Reference{}, invalid(ref, reference.ErrNameContainsUppercase)
	}
	tagged, ok := reference.TagNameOnly(named).(reference.Tagged)
	if !ok {
		return Reference{}, fmt.Errorf("the image reference %q has no tag: write one such as %s:v1", ref, reference.FamiliarName(named))
	}
	parsed := Reference{host: host, path: reference.Path(named), tag: tagged.Tag()}
	if _, err := parsed.repository(false); err != nil {
		return Reference{}, err // a host that Docker's grammar takes and URLs do not: "[0]"
	}
	return parsed, nil
}

// invalid words the error of the reference's grammar.
func invalid(ref string, err error) error {
	if lower := strings.ToLower(ref); lower != ref {
		if _, lowerErr := reference.ParseNormalizedNamed(lower); lowerErr == nil {
			return fmt.Errorf("the image reference %q is invalid: repository names are lower case, write %q", ref, lowerName(ref))
		}
	}
	return fmt.Errorf("the image reference %q is invalid: %s: write [HOST[:PORT]/]NAME[:TAG]", ref, oneLine(err.Error()))
}

// lowerName lowers a reference but for its tag, where case counts.
func lowerName(ref string) string {
	colon := strings.LastIndexByte(ref, ':')
	if colon < strings.LastIndexByte(ref, '/') {
		colon = -1
	}
	if colon < 0 {
		return strings.ToLower(ref)
	}
	return strings.ToLower(ref[:colon]) + ref[colon:]
}

// String returns the whole reference: "docker.io/library/app:v1".
func (r Reference) String() string { return r.Repository() + ":" + r.tag }

// Repository returns the reference without its tag: "docker.io/library/app".
func (r Reference) Repository() string { return r.host + "/" + r.path }

// Host returns the registry: "docker.io", "localhost:5000".
func (r Reference) Host() string { return r.host }

// In says that the registry is one of those, HOST[:PORT], however they are spelled.
func (r Reference) In(hosts []string) bool {
	return slices.ContainsFunc(hosts, func(host string) bool { return canonicalHost(host) == canonicalHost(r.host) })
}

// Tag returns the tag alone.
func (r Reference) Tag() string { return r.tag }

// Familiar returns the reference as users write it: "app:v1".
func (r Reference) Familiar() string {
	whole := r.String()
	if r.tag == "" {
		whole = r.Repository()
	}
	named, err := reference.ParseNormalizedNamed(whole)
	if err != nil {
		return r.String()
	}
	return reference.FamiliarString(named)
}

// WithTag returns another tag of the same repository. A tag has up to 128 characters:
// letters, digits, "_", "." and "-", not starting with the last two.
func (r Reference) WithTag(tag string) (Reference, error) {
	named, err := reference.WithName(r.Repository())
	if err != nil {
		return Reference{}, invalid(r.String(), err)
	}
	if _, err := reference.WithTag(named, tag); err != nil {
		return Reference{}, fmt.Errorf("the tag %q is invalid: %w: use letters, digits, \"_\", \".\" and \"-\", 128 at most", tag, err)
	}
	r.tag = tag
	return r, nil
}

// bare is the reference without its tag.
func (r Reference) bare() Reference {
	r.tag = ""
	return r
}

// Other is the repository of another reference, empty where it is this one's.
func (r Reference) Other(other Reference) string {
	if r.Key().Repository() == other.Key().Repository() {
		return ""
	}
	return other.Repository()
}

// IsWhole tells a reference from a tag.
func IsWhole(text string) bool { return strings.ContainsAny(text, "/:") }

// Debug returns the debug reference of a preset beside this production reference.
func (r Reference) Debug(preset variants.Request) (Reference, error) {
	tag, err := preset.Tag(r.tag)
	if err != nil {
		return Reference{}, err
	}
	repository, err := preset.Repository(r.Repository(), r.tag)
	if err != nil {
		return Reference{}, err
	}
	if repository == "" {
		return r.WithTag(tag)
	}
	debug, err := Parse(repository + ":" + tag)
	if err != nil {
		return Reference{}, fmt.Errorf("the tag suffix %q of variant %s, for %s: %w", preset.Variant.Suffix, preset.Preset, r.Familiar(), err)
	}
	return debug, nil
}

// repository returns the repository in go-containerregistry's terms. Registries on the
// loopback interface may speak plain HTTP, others only if insecure is set.
func (r Reference) repository(insecure bool) (name.Repository, error) {
	var options []name.Option
	if insecure || isLoopback(r.host) {
		options = append(options, name.Insecure)
	}
	registry, err := name.NewRegistry(r.host, options...)
	if err != nil {
		return name.Repository{}, invalid(r.String(), err)
	}
	return registry.Repo(r.path), nil
}

// withoutPort is the name or the address of HOST[:PORT], that without brackets.
func withoutPort(host string) string {
	if bare, _, err := net.SplitHostPort(host); err == nil {
		host = bare
	}
	return strings.Trim(host, "[]")
}

// isLoopback recognises hosts that are this machine.
func isLoopback(host string) bool {
	host = withoutPort(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// ParseImage reads a reference that may have a digest: "app:v1", "app@sha256:...",
// "app:v1@sha256:...", where the digest counts. Without a tag and with a digest the
// reference has no tag.
func ParseImage(image string) (ref Reference, digest string, err error) {
	named, digest, digested := strings.Cut(image, "@")
	if ref, err = Parse(named); err != nil || !digested {
		return ref, "", err
	}
	if !isDigest(digest) {
		return ref, "", fmt.Errorf("the image reference %q has no valid digest: write one such as app@sha256: and 64 hex digits", image)
	}
	if !strings.HasSuffix(named, ":"+ref.tag) {
		ref.tag = ""
	}
	return ref, digest, nil
}
