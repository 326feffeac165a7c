package registry

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/variants"
)

// Links name a repository that is not the one that they are in by an annotation: another
// repository of the same registry as "/PATH", so that the name is right by whichever name the
// registry is reached, and one of another registry as HOST[:PORT]/PATH.
const (
	annotationProductionRepository = "io.github.dlvgen.production.repository"
	annotationDebugRepository      = "io.github.dlvgen.debug.repository"
)

// askElsewhere bounds how long other repositories are asked in all that links name: those of
// strangers may answer by the byte, without an end.
func (c *Client) askElsewhere(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 2*c.patience.Most())
}

// maxRepositories is how many other repositories are asked that links of one image name.
const maxRepositories = 8

// spell is how links in the session's repository name another one.
func (s *session) spell(repository Reference) string {
	if canonicalHost(repository.host) == canonicalHost(s.ref.host) {
		return "/" + repository.Key().path
	}
	return repository.Repository()
}

// linkedRepository reads the name of a repository in a link, which anybody may have pushed: it
// is empty for the session's own, and false for what no link names. Who can push to a registry
// elsewhere cannot have this machine or its network asked.
func (s *session) linkedRepository(name string) (string, bool) {
	if name == "" {
		return "", true
	}
	if strings.HasPrefix(name, "/") {
		name = s.ref.host + name
	}
	ref, err := Parse(name)
	if err != nil || ref.Repository() != name || isInternal(ref.host) && !isInternal(s.ref.host) {
		return "", false
	}
	if ref.Key().Repository() == s.ref.Key().Repository() {
		return "", true
	}
	return name, true
}

// isInternal recognises hosts that are this machine or an address of a network of its own.
func isInternal(host string) bool {
	if isLoopback(host) {
		return true
	}
	host = withoutPort(host)
	if lower := strings.ToLower(host); strings.HasSuffix(lower, ".local") || strings.HasSuffix(lower, ".internal") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && isInternalAddress(ip)
}

// shared are the addresses between carriers and their customers (RFC 6598), which clouds have for
// services of their own.
var shared = netip.MustParsePrefix("100.64.0.0/10")

func isInternalAddress(ip netip.Addr) bool {
	ip = ip.Unmap()
	return !ip.IsGlobalUnicast() || ip.IsPrivate() || shared.Contains(ip)
}

// at is the session of another tag: of the repository that a link names, or of the session's own.
func (s *session) at(repository, tag string) (*session, error) {
	ref := s.ref
	if repository != "" {
		var err error
		if ref, err = Parse(repository); err != nil {
			return nil, err
		}
	}
	ref.tag = tag
	if ref.Key().Repository() != s.ref.Key().Repository() {
		return s.client.openFrom(ref, s.linking(ref))
	}
	same := *s
	same.ref.tag = tag
	return &same, nil
}

// linking is the registry whose link leads to another repository, empty where that is in the same
// one, which the user has named.
func (s *session) linking(to Reference) string {
	if s.from == "" && canonicalHost(to.host) != canonicalHost(s.ref.host) {
		return s.ref.host
	}
	return s.from
}

// isAt says that a repository as a link names it, empty for the session's own, is that one.
func (s *session) isAt(repository string, other Reference) bool {
	if repository == "" {
		return s.ref.Key().Repository() == other.Key().Repository()
	}
	ref, err := Parse(repository)
	return err == nil && ref.Key().Repository() == other.Key().Repository()
}

// labelled is the production reference that the image's label names in another repository of
// the same registry.
func (s *session) labelled(l variants.Labels) (Reference, bool) {
	ref, err := Parse(l.Reference)
	if l.Reference == "" || err != nil || canonicalHost(ref.host) != canonicalHost(s.ref.host) {
		return Reference{}, false
	}
	ref.host = s.ref.host
	return ref, ref.Key().Repository() != s.ref.Key().Repository()
}

// production is the session of the production tag that the labels of a debug image and its own
// tag tell: one of its own repository, unless that is none, and the label names another one.
// The tag is empty where nothing says it.
func (s *session) production(ctx context.Context, l variants.Labels) (*session, error) {
	tag := s.productionTag(l)
	elsewhere, ok := s.labelled(l)
	if ok && tag != "" {
		sum, err := s.read(ctx, tag, "")
		if err != nil {
			return nil, err
		}
		ok = sum == nil || sum.Ours
	}
	if ok {
		return s.at(elsewhere.Repository(), elsewhere.tag)
	}
	return s.at("", tag)
}

// now is the digest that the session's tag names, empty where it is known to be gone. That needs
// more than an answer in another repository than the one that was asked for: a registry may hide
// what an account may not read as if it were absent.
func (s *session) now(ctx context.Context) (string, error) {
	digest, err := s.tagged(ctx, s.ref.tag)
	if err != nil || digest != "" {
		return digest, explain("reading "+s.ref.String(), s.ref.host, err)
	}
	tags, err := s.someTags(ctx)
	if err == nil && slices.Contains(tags, s.ref.tag) {
		err = s.unreadable()
	}
	return "", err
}

// someTags are the tags of a repository that has some, as far as the account may see.
func (s *session) someTags(ctx context.Context) ([]string, error) {
	tags, err := s.tags(ctx)
	if err != nil {
		return nil, explain("reading the tags of "+s.ref.Repository(), s.ref.host, err)
	}
	if len(tags) == 0 {
		return nil, fmt.Errorf("%s has no tags: it may be gone, or hidden from this account", s.ref.Repository())
	}
	return tags, nil
}

func (s *session) unreadable() error { return fmt.Errorf("%s is listed, and cannot be read", s.ref) }

// others has what was read of other repositories during one call. Each is asked once for its
// tags: strangers may have named them, and each may take as long as the registry's patience.
type others map[Key]*other

type other struct {
	tags    []string
	digests map[string]string
	err     error
}

// now is the digest that a link's production tag names in another repository, empty where it is
// gone, or why that cannot be read.
func (o others) now(ctx context.Context, s *session, l Link) (string, error) {
	at, err := s.at(l.ProductionRepository, l.ProductionTag)
	if err != nil {
		return "", err
	}
	key := at.ref.Key().Repository()
	one := o[key]
	if one == nil {
		if len(o) == maxRepositories {
			return "", errManyRepositories
		}
		one = &other{digests: map[string]string{}}
		one.tags, one.err = at.someTags(ctx)
		o[key] = one
	}
	if one.err != nil || !slices.Contains(one.tags, l.ProductionTag) {
		return "", one.err
	}
	digest, known := one.digests[l.ProductionTag]
	if known {
		return digest, nil
	}
	switch digest, err = at.tagged(ctx, l.ProductionTag); {
	case err != nil:
		one.err = explain("reading "+at.ref.String(), at.ref.host, err)
		return "", one.err
	case digest == "":
		return "", at.unreadable()
	}
	one.digests[l.ProductionTag] = digest
	return digest, nil
}

// followElsewhere takes the status from a link with another repository. What cannot be read
// there keeps the image, unless another link says that it is current.
func (d *DebugImage) followElsewhere(l Link, now string, err error) {
	switch {
	case err == nil:
		d.follow(l, now)
	case d.Status != Current:
		d.Status, d.Unread = Unknown, err
		d.ProductionTag, d.ProductionDigest, d.ProductionRepository = l.ProductionTag, l.ProductionDigest, l.ProductionRepository
	}
}

var errManyRepositories = fmt.Errorf("links name more than %d other repositories", maxRepositories)

// elsewhere are the other repositories that links name, and what is wrong if there are too many.
func elsewhere(links []Link) ([]string, error) {
	var list []string
	for _, l := range links {
		if l.DebugRepository != "" && !slices.Contains(list, l.DebugRepository) {
			list = append(list, l.DebugRepository)
		}
	}
	slices.Sort(list)
	if len(list) > maxRepositories {
		return list[:maxRepositories], errManyRepositories
	}
	return list, nil
}

// readFailure says what failed of another repository, where the error does not.
func (s *session) readFailure(err error) error {
	if isFailure(err) || isAbsent(err) {
		return explain("reading "+s.ref.Repository(), s.ref.host, err)
	}
	return err
}
