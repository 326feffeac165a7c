package bake

import (
	"context"
	"fmt"
	"io"
	gofs "io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"sync"

	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/internal/derive/rebuild"
	"github.com/dlvgen/dlvgen/internal/hostgo"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
)

// hostGoMount is the local folder of toolchains, and certificatesDir the one of certificate
// authorities in it.
const hostGoMount, certificatesDir = "dlvgen-go", "certificates"

// hostGo offers a BuildKit the Go toolchains of this machine, each when a build asks for it:
// only then is it known which version a program needs. It is the local folder that has them.
type hostGo struct {
	tell    func(string)
	secrets []string // IDs of those that the compile gets

	mu      sync.Mutex
	folders map[string]fsutil.FS              // by name
	found   map[string]*rebuild.HostToolchain // by name, without its files
}

// usesHostGo tells whether an image asks for this machine's Go.
func (r *Request) usesHostGo() bool {
	return slices.ContainsFunc(r.images, func(i Image) bool { return i.RebuildImage == variants.RebuildHost })
}

// serveHostGo offers the toolchains in a session of their own, as those tools are that dlvgen
// carries: what was sent for one project is there for all.
func (b *builder) serveHostGo(ctx context.Context, c *client.Client) (h *hostGo, from rebuild.HostGo, done func(), err error) {
	h = &hostGo{tell: b.notify, folders: map[string]fsutil.FS{}, found: map[string]*rebuild.HostToolchain{}}
	if p, ok := b.source.(*published); ok {
		h.secrets = p.sources.Secrets
	}
	s, err := serve(ctx, c, "dlvgen", map[string]fsutil.FS{hostGoMount: h})
	if err != nil {
		return nil, nil, nil, err
	}
	from = func(ctx context.Context, version string, on ocispecs.Platform) (*rebuild.HostToolchain, error) {
		return h.toolchain(ctx, version, on, s.ID())
	}
	return h, from, func() { _ = s.Close() }, nil
}

// toolchain finds a version of Go, once for all builds.
func (h *hostGo) toolchain(ctx context.Context, version string, on ocispecs.Platform, session string) (*rebuild.HostToolchain, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	name := version + ".linux-" + on.Architecture
	if _, ok := h.found[name]; !ok {
		t, err := hostgo.Find(ctx, version, on.Architecture, production.ModuleVariables, h.tell)
		if err != nil {
			return nil, err
		}
		files, err := t.Files()
		if err != nil {
			return nil, err
		}
		certificates, file, err := hostgo.CertificateFile()
		if err != nil {
			return nil, err
		}
		h.folders[name], h.folders[certificatesDir] = files, certificates
		h.found[name] = &rebuild.HostToolchain{Root: path.Join("/", name), Certificates: path.Join("/", certificatesDir, file), Env: h.public(t.Env)}
	}
	t := *h.found[name]
	// A folder is compared with what the builder has of the same hint: each has its own.
	t.Files = llb.Local(hostGoMount, llb.SessionID(session), llb.SharedKeyHint(hostGoMount+"-"+name),
		llb.IncludePatterns([]string{name, certificatesDir}), llb.WithCustomName("[dlvgen] load "+version+" from the machine that dlvgen runs on"))
	return &t, nil
}

// public are those settings of the go command that may be told: provenance shows them. Those that
// are passed as secrets are left out too.
func (h *hostGo) public(env map[string]string) map[string]string {
	public := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		switch {
		case slices.Contains(h.secrets, name):
		case credentials.MatchString(env[name]):
			h.tell(fmt.Sprintf("warning: %s of this machine's go command has a name or a password, and is not passed on: set it in the environment of dlvgen derive, or with --secret id=%s,env=VARIABLE", name, name))
		default:
			public[name] = env[name]
		}
	}
	return public
}

// tree is what has been found until now.
func (h *hostGo) tree() (fsutil.FS, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var dirs []fsutil.Dir
	for _, name := range slices.Sorted(maps.Keys(h.folders)) {
		dirs = append(dirs, fsutil.Dir{FS: h.folders[name], Stat: &types.Stat{Path: name, Mode: uint32(os.ModeDir | 0o755)}})
	}
	return fsutil.SubDirFS(dirs)
}

// Walk implements [fsutil.FS].
func (h *hostGo) Walk(ctx context.Context, target string, fn gofs.WalkDirFunc) error {
	tree, err := h.tree()
	if err != nil {
		return err
	}
	return tree.Walk(ctx, target, fn)
}

// Open implements [fsutil.FS].
func (h *hostGo) Open(name string) (io.ReadCloser, error) {
	tree, err := h.tree()
	if err != nil {
		return nil, err
	}
	return tree.Open(name)
}
