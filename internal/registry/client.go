package registry

import (
	"crypto/tls"
	"fmt"
	"net/http"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/version"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Client works with the debug tags of any registry. It keeps no connection state
// between calls and may be used by several goroutines.
type Client struct {
	keychain   authn.Keychain
	patience   *patience.Patience
	safe       http.RoundTripper
	unsafe     http.RoundTripper // for the registries of insecure
	insecure   []string
	production map[Key]bool
	askedFor   map[Key]bool
	backoff    remote.Backoff
}

// Option changes what a Client does.
type Option func(*Client)

// WithKeychain says where credentials come from. The default is
// authn.DefaultKeychain: Docker's and Podman's configuration, with their helpers.
func WithKeychain(k authn.Keychain) Option {
	return func(c *Client) { c.keychain = k }
}

// WithInsecure names registries, HOST[:PORT], that may be spoken to over plain HTTP, and
// whose certificates need not be verifiable. The default is to allow plain HTTP on the
// loopback interface only.
func WithInsecure(hosts ...string) Option {
	return func(c *Client) { c.insecure = append(c.insecure, hosts...) }
}

// WithPatience says how long a registry may take to connect, to answer and to go on with
// its answer. The default is that of an empty Patience.
func WithPatience(p *patience.Patience) Option {
	return func(c *Client) { c.patience = p }
}

// WithProduction names production tags. The Client refuses to write these.
func WithProduction(refs ...Reference) Option {
	return func(c *Client) {
		for _, ref := range refs {
			c.production[ref.Key()] = true
		}
	}
}

// WithAskedFor names production tags that are to be written: over whatever they name, with
// images that have no label of dlvgen's.
func WithAskedFor(refs ...Reference) Option {
	return func(c *Client) {
		for _, ref := range refs {
			c.askedFor[ref.Key()] = true
		}
	}
}

// New returns a Client that takes images for dlvgen's own if their labels say so
// ([variants.Ours]). It heeds HTTPS_PROXY.
func New(options ...Option) *Client {
	c := &Client{
		keychain:   authn.DefaultKeychain,
		patience:   &patience.Patience{},
		production: map[Key]bool{},
		askedFor:   map[Key]bool{},
	}
	for _, option := range options {
		option(c)
	}
	c.safe = newTransport(c.patience, nil)
	c.unsafe = newTransport(c.patience, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // what WithInsecure asks for
	return c
}

// session is one repository during one call of the Client: it logs in once.
type session struct {
	ref    Reference
	repo   name.Repository
	puller *remote.Puller
	pusher *remote.Pusher
}

func (c *Client) open(ref Reference) (*session, error) {
	transport, insecure := c.safe, ref.In(c.insecure)
	if insecure {
		transport = c.unsafe
	}
	repo, err := ref.repository(insecure)
	if err != nil {
		return nil, err
	}
	options := []remote.Option{
		remote.WithAuthFromKeychain(registryKeychain{c.keychain}),
		remote.WithTransport(transport),
		remote.WithUserAgent("dlvgen/" + version.Version()),
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
	return &session{ref: ref, repo: repo, puller: puller, pusher: pusher}, nil
}
