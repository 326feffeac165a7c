package registry

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/version"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Client works with the debug tags of any registry. It keeps its logins, and what tags named
// when they were first looked at, and may be used by several goroutines.
type Client struct {
	keychain   authn.Keychain
	patience   *patience.Patience
	safe       http.RoundTripper
	unsafe     http.RoundTripper // for the registries of insecure
	insecure   []string
	production map[Key]bool
	askedFor   map[Key]bool
	force      bool
	backoff    remote.Backoff
	seen       *sightings
	lookUp     lookUp

	mu       sync.Mutex
	sessions map[opened]*session
}

// opened is a repository, as it is spelled, and the registry that led there.
type opened struct{ repository, from string }

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

// WithForce lets tags be written whose images are not dlvgen's. Production tags stay refused.
func WithForce() Option {
	return func(c *Client) { c.force = true }
}

// New returns a Client that takes images for dlvgen's own if their labels say so
// ([variants.Ours]). It heeds HTTPS_PROXY.
func New(options ...Option) *Client {
	c := &Client{
		keychain:   authn.DefaultKeychain,
		patience:   &patience.Patience{},
		production: map[Key]bool{},
		askedFor:   map[Key]bool{},
		backoff:    defaultBackoff,
		seen:       &sightings{digests: map[Key]string{}},
		lookUp:     net.DefaultResolver.LookupNetIP,
		sessions:   map[opened]*session{},
	}
	for _, option := range options {
		option(c)
	}
	c.safe = newTransport(c.patience, c.backoff, nil)
	c.unsafe = newTransport(c.patience, c.backoff, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // what WithInsecure asks for
	return c
}

// maxSession is how long a login is taken for good: the credentials of clouds end after minutes,
// and a build may take longer.
const maxSession = 5 * time.Minute

// session is one repository with one of its tags. All of a repository log in once.
type session struct {
	opened time.Time
	client *Client
	ref    Reference
	repo   name.Repository
	puller *remote.Puller
	pusher *remote.Pusher

	// from is the registry with a link that led to this one, empty where the user has named it.
	from string
}

func (c *Client) open(ref Reference) (*session, error) { return c.openFrom(ref, "") }

func (c *Client) openFrom(ref Reference, from string) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := opened{ref.Repository(), from}
	if s := c.sessions[key]; s != nil && time.Since(s.opened) < maxSession {
		other := *s
		other.ref = ref
		return &other, nil
	}
	s, err := c.newSession(ref, from)
	if err == nil {
		c.sessions[key] = s
	}
	return s, err
}

// reach is a reference's repository, and what its registry is spoken to by.
func (c *Client) reach(ref Reference) (name.Repository, http.RoundTripper, error) {
	transport, insecure := c.safe, ref.In(c.insecure)
	if insecure {
		transport = c.unsafe
	}
	repo, err := ref.repository(insecure)
	return repo, transport, err
}

func (c *Client) newSession(ref Reference, from string) (*session, error) {
	repo, transport, err := c.reach(ref)
	if err != nil {
		return nil, err
	}
	if from != "" {
		transport = &outsideTransport{transport, from, c.lookUp}
	}
	options := []remote.Option{
		remote.WithAuthFromKeychain(registryKeychain{c.keychain}),
		remote.WithTransport(transport),
		remote.WithUserAgent("dlvgen/" + version.Version()),
		// The transport sends requests again, but for uploads as a whole.
		remote.WithRetryBackoff(c.backoff),
		remote.WithRetryPredicate(uploadsAgain),
		remote.WithRetryStatusCodes(),
	}
	puller, err := remote.NewPuller(options...)
	if err != nil {
		return nil, fmt.Errorf("preparing to read %s: %w", ref, err)
	}
	pusher, err := remote.NewPusher(options...)
	if err != nil {
		return nil, fmt.Errorf("preparing to write %s: %w", ref, err)
	}
	return &session{opened: time.Now(), client: c, ref: ref, repo: repo, puller: puller, pusher: pusher, from: from}, nil
}
