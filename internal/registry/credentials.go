package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/docker/cli/cli/config/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// CredentialsError says that the credentials for a registry could not be read. Its text has
// nothing of what a credential helper printed: that may be the credentials.
type CredentialsError struct{ Host, Reason string }

func (e *CredentialsError) Error() string {
	return fmt.Sprintf("no credentials for registry %s: %s", e.Host, e.Reason)
}

// ExplainCredentials makes a [CredentialsError] of what reading Docker's configuration, or a
// credential helper, returned for a registry.
func ExplainCredentials(host string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return &CredentialsError{Host: host, Reason: oneLine(credentialsReason(host, err))}
}

// credentialsReason words an error of Docker's credentials package, which has texts only.
func credentialsReason(host string, err error) string {
	const begin, end = "error getting credentials - err: ", ", out: `"
	var syntax *json.SyntaxError
	var mistyped *json.UnmarshalTypeError
	rest, helper := strings.CutPrefix(err.Error(), begin)
	switch {
	case helper && strings.Contains(rest, "executable file not found"):
		program, _, _ := strings.Cut(strings.TrimPrefix(rest, `exec: "`), `"`)
		return fmt.Sprintf("%s is not on PATH: install it, or remove it from Docker's config.json", program)
	case helper:
		reason, _, _ := strings.Cut(rest, end)
		return fmt.Sprintf("the credential helper failed (%s): %s", reason, seeHelper(host))
	case errors.As(err, &syntax), errors.As(err, &mistyped), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the credential helper's answer is not what Docker's helpers print: " + seeHelper(host)
	}
	return err.Error()
}

func seeHelper(host string) string {
	return fmt.Sprintf("see what `echo %s | docker-credential-NAME get` says, with NAME from Docker's config.json", host)
}

// registryKeychain asks another, which asks for a repository first and for its registry then,
// once more for the registry alone where the first question fails: docker asks nothing else,
// so helpers need not know repositories. It explains errors.
type registryKeychain struct{ authn.Keychain }

// Account is what a registry is logged in to with, by the default of [WithKeychain]: it is
// empty where nothing says so. The error is a [*CredentialsError].
func Account(ctx context.Context, host string) (types.AuthConfig, error) {
	if host == "registry-1.docker.io" {
		host = name.DefaultRegistry
	}
	target, err := name.NewRegistry(host)
	if err != nil {
		return types.AuthConfig{}, ExplainCredentials(host, err)
	}
	login, err := registryKeychain{authn.DefaultKeychain}.ResolveContext(ctx, target)
	if err != nil {
		return types.AuthConfig{}, err
	}
	account, err := authn.Authorization(ctx, login)
	if err != nil {
		return types.AuthConfig{}, ExplainCredentials(host, err)
	}
	return types.AuthConfig{
		Username: account.Username, Password: account.Password, IdentityToken: account.IdentityToken, RegistryToken: account.RegistryToken,
	}, nil
}

// wholeRegistry is the registry of a repository.
type wholeRegistry struct{ authn.Resource }

func (r wholeRegistry) String() string { return r.RegistryStr() }

// Resolve implements authn.Keychain.
func (k registryKeychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), target)
}

// ResolveContext implements authn.ContextKeychain.
func (k registryKeychain) ResolveContext(ctx context.Context, target authn.Resource) (authn.Authenticator, error) {
	login, err := authn.Resolve(ctx, k.Keychain, target)
	if err != nil {
		login, err = authn.Resolve(ctx, k.Keychain, wholeRegistry{target})
	}
	return login, ExplainCredentials(target.RegistryStr(), err)
}
