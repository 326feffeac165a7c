package registry

import (
	"crypto/tls"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Client works with the debug tags of any registry. It keeps no connection state
// between calls and may be used by several goroutines.
type Client struct {
	label      string
	keychain   authn.Keychain
	transport  http.RoundTripper
	insecure   bool
	userAgent  string
	production map[Reference]bool
	backoff    remote.Backoff
}

// Option changes what a Client does.
type Option func(*Client)

// WithKeychain says where credentials come from. The default is
// authn.DefaultKeychain: Docker's and Podman's configuration, with their helpers.
func WithKeychain(k authn.Keychain) Option {
	return func(c *Client) { c.keychain = k }
}

// WithTransport sets the HTTP transport. The default is remote.DefaultTransport, which
// heeds HTTPS_PROXY; with WithInsecure, a copy that takes any certificate. Retries and
// authentication are added to it.
func WithTransport(t http.RoundTripper) Option {
	return func(c *Client) { c.transport = t }
}

// WithInsecure allows plain HTTP and certificates that cannot be verified. The default
// is to allow plain HTTP on the loopback interface only.
func WithInsecure() Option {
	return func(c *Client) { c.insecure = true }
}

// WithUserAgent sets the start of the User-Agent header, such as "dlvgen/1.2.3". The
// default is "dlvgen".
func WithUserAgent(ua string) Option {
	return func(c *Client) { c.userAgent = ua }
}

// WithProduction names production tags. The Client refuses to write these.
func WithProduction(refs ...Reference) Option {
	return func(c *Client) {
		for _, ref := range refs {
			c.production[ref] = true
		}
	}
}

// New returns a Client that takes images for dlvgen's own if their config carries the
// label of that name, with any value.
func New(label string, options ...Option) *Client {
	c := &Client{
		label:      label,
		keychain:   authn.DefaultKeychain,
		userAgent:  "dlvgen",
		production: map[Reference]bool{},
	}
	for _, option := range options {
		option(c)
	}
	if c.transport == nil {
		c.transport = defaultTransport(c.insecure)
	}
	return c
}

func defaultTransport(insecure bool) http.RoundTripper {
	base, ok := remote.DefaultTransport.(*http.Transport)
	if !insecure || !ok {
		return remote.DefaultTransport
	}
	t := base.Clone()
	t.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // what WithInsecure asks for
	return t
}

// session is one repository during one call of the Client: it logs in once.
type session struct {
	ref    Reference
	label  string
	repo   name.Repository
	puller *remote.Puller
	pusher *remote.Pusher
}

func (c *Client) open(ref Reference) (*session, error) {
	repo, err := ref.repository(c.insecure)
	if err != nil {
		return nil, err
	}
	options := []remote.Option{
		remote.WithAuthFromKeychain(c.keychain),
		remote.WithTransport(c.transport),
		remote.WithUserAgent(c.userAgent),
	}
	if c.backoff.Steps > 0 {
		options = append(options, remote.WithRetryBackoff(c.backoff))
	}
	puller, err := remote.NewPuller(options...)
	if err != nil {
		return nil, fmt.Errorf("preparing to read %s: %w", ref, err)
	}
	pusher, err := remote.NewPusher(options...)
	if err != nil {
		return nil, fmt.Errorf("preparing to write %s: %w", ref, err)
	}
	return &session{ref: ref, label: c.label, repo: repo, puller: puller, pusher: pusher}, nil
}
