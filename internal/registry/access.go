package registry

import (
	"context"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Access is what a registry answers to who would read a tag.
type Access struct {
	// Account says that there are credentials for the registry.
	Account bool

	// Exists says that the tag names something.
	Exists bool
}

// Access logs in to a reference's registry, as reading does, and asks what its tag names. Nothing
// is written. The error is an [*Error] of the registry.
func (c *Client) Access(ctx context.Context, ref Reference) (a Access, err error) {
	s, err := c.open(ref)
	if err != nil {
		return a, err
	}
	defer func() { err = explain("reading "+ref.String(), ref.host, err) }()
	login, err := registryKeychain{c.keychain}.ResolveContext(ctx, s.repo)
	if err != nil {
		return a, err
	}
	account, err := authn.Authorization(ctx, login)
	if err != nil {
		return a, ExplainCredentials(ref.host, err)
	}
	a.Account = *account != authn.AuthConfig{}
	digest, err := s.tagged(ctx, ref.tag)
	a.Exists = digest != ""
	return a, err
}
