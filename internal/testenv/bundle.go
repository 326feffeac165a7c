package testenv

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/buildkit/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// Bundle is an unpacked image that runc starts as a container: in half a second
// what takes a push, a pull and Docker Engine several. Containers share the
// machine's network, so their ports are the machine's.
type Bundle struct {
	dir string
}

// NewBundle makes an empty one in a folder of the test's own.
func NewBundle(t testing.TB) *Bundle {
	t.Helper()
	b := &Bundle{dir: t.TempDir()}
	if err := os.Mkdir(b.Path("/"), 0o755); err != nil {
		t.Fatal(err)
	}
	return b
}

// Path is where a file of the image lies on the machine.
func (b *Bundle) Path(name string) string { return filepath.Join(b.dir, "rootfs", name) }

// Export makes a build unpack its result into the bundle, owners included.
func (b *Bundle) Export() client.ExportEntry {
	return client.ExportEntry{Type: client.ExporterTar, Output: func(map[string]string) (io.WriteCloser, error) {
		cmd := exec.Command("tar", "--extract", "--numeric-owner", "--preserve-permissions", "--directory", b.Path("/"))
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return nil, err
		}
		u := &unpacking{WriteCloser: stdin, cmd: cmd}
		cmd.Stderr = &u.stderr
		return u, cmd.Start()
	}}
}

// unpacking is the input of a tar command. Close waits for the command.
type unpacking struct {
	io.WriteCloser
	cmd    *exec.Cmd
	stderr tail
}

func (u *unpacking) Close() error {
	err := errors.Join(u.WriteCloser.Close(), u.cmd.Wait())
	if err != nil {
		return fmt.Errorf("unpacking: %w: %s", err, u.stderr.String())
	}
	return nil
}

// Run starts the image's command as its config says. The container is ended and
// removed when the test ends, and its output logged if that failed.
func (b *Bundle) Run(t testing.TB, config ocispecs.ImageConfig) {
	t.Helper()
	if err := b.configure(proctest.Context(t), config); err != nil {
		t.Fatal(err)
	}
	id := "dlvgen-" + strings.ToLower(rand.Text())
	// Of its own group: a signal to the test's must not reach the container first.
	p, err := startProcess("runc", exec.Command("runc", "run", "--bundle", b.dir, id))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := run(context.Background(), "/", nil, "runc", "delete", "--force", id)
		<-p.done
		if t.Failed() {
			t.Logf("the container printed (%v):\n%s", err, p.log.String())
		}
	})
}

// configure writes config.json: runc's own template with the image's command.
func (b *Bundle) configure(ctx context.Context, config ocispecs.ImageConfig) error {
	if err := run(ctx, b.dir, nil, "runc", "spec"); err != nil {
		return fmt.Errorf("preparing a bundle: %w", err)
	}
	file := filepath.Join(b.dir, "config.json")
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("preparing a bundle: %w", err)
	}
	var spec specs.Spec
	if err := json.Unmarshal(text, &spec); err != nil {
		return fmt.Errorf("preparing a bundle: %w", err)
	}
	spec.Hostname = ""
	spec.Root.Readonly = false
	spec.Linux.Namespaces = slices.DeleteFunc(spec.Linux.Namespaces, func(ns specs.LinuxNamespace) bool {
		return ns.Type == specs.NetworkNamespace || ns.Type == specs.UTSNamespace
	})
	p := spec.Process
	p.Terminal = false
	p.Args = slices.Concat(config.Entrypoint, config.Cmd)
	p.Env = config.Env
	p.Cwd = path.Join("/", config.WorkingDir)
	if p.User, err = userOf(config.User); err != nil {
		return fmt.Errorf("preparing a bundle: %w", err)
	}
	if text, err = json.Marshal(spec); err != nil {
		return fmt.Errorf("preparing a bundle: %w", err)
	}
	return os.WriteFile(file, text, 0o600)
}

// userOf reads a user of an image config, "" or "UID" or "UID:GID".
func userOf(user string) (specs.User, error) {
	uid, gid, _ := strings.Cut(user, ":")
	var ids [2]uint32
	for i, id := range []string{uid, gid} {
		if id == "" {
			continue
		}
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return specs.User{}, fmt.Errorf("the image's user is %q: a bundle takes numbers only", user)
		}
		ids[i] = uint32(n)
	}
	return specs.User{UID: ids[0], GID: ids[1]}, nil
}

// FreePort is a port of the loopback address that nobody listened on a moment ago.
func FreePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr, ok := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil || !ok {
		t.Fatalf("listening on %s: %v", listener.Addr(), err)
	}
	return addr.Port
}
