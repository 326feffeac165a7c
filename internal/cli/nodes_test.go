//go:build linux && !race

// See anybuilder_test.go for the service.

package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	controlapi "github.com/moby/buildkit/api/services/control"
)

// pairOfNodes makes a builder of buildx with two BuildKits, of which the second is declared for
// linux/arm64. Nothing of that platform runs there: the service compiles for it.
func pairOfNodes(t *testing.T, amd, arm string) {
	t.Helper()
	program, err := testenv.Program(t.Context(), "docker-buildx")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Setenv("BUILDX_CONFIG", dir)
	t.Setenv("BUILDKIT_HOST", "")
	t.Setenv("BUILDX_BUILDER", "pair")
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(dir, "none.sock"))
	for _, args := range [][]string{
		{"--node", "amd0", "--platform", "linux/amd64", amd}, {"--append", "--node", "arm0", "--platform", "linux/arm64", arm},
	} {
		cmd := exec.CommandContext(proctest.Context(t), program, append([]string{"create", "--name", "pair", "--driver", "remote"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

// crossService is a service that compiles on the builder's platform. It runs that step first.
func crossService(t *testing.T, reg *testenv.Registry, step string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module example.com/ticking\n\ngo 1.26\n",
		"main.go": ticking,
		"Dockerfile": fmt.Sprintf(`FROM --platform=$BUILDPLATFORM %s AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY . .
RUN %s
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -o /ticking .

FROM scratch
COPY --from=build /ticking /ticking
ENTRYPOINT ["/ticking"]
`, goWithoutC(t, reg), step),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// runs is one command line in this process.
func runs(t *testing.T, stderr io.Writer, args ...string) (code int, stdout string) {
	t.Helper()
	var out bytes.Buffer
	code = cli.Run(proctest.Context(t), args, strings.NewReader(""), &out, stderr)
	return code, out.String()
}

func TestSeveralNodesBuildOneIndex(t *testing.T) {
	reg := needBuildKit(t)
	pairOfNodes(t, testenv.SharedBuildKit(t).Addr, testenv.AnotherBuildKit(t).Addr)
	dir := crossService(t, reg, "true")
	var stderr bytes.Buffer
	code, stdout := runs(t, &stderr, "build", "--progress", "plain", "-t", reg.Ref("nodes/app:v1"), "-t", reg.Ref("nodes/other:v1"),
		"--variant", "remote,attach", "--platform", "linux/arm64,linux/amd64", "--format", "json",
		"-o", "type=registry,annotation-index.of=all,annotation[linux/arm64].of=arm", dir)
	if code != cli.ExitOK {
		t.Fatalf("exit code %d\n%s", code, stderr.String())
	}
	var images []struct {
		Variant, Ref, Digest string
		Platforms            []struct{ Platform, Digest, Node string }
	}
	if err := json.Unmarshal([]byte(stdout), &images); err != nil || len(images) != 4 {
		t.Fatalf("%v in\n%s", err, stdout)
	}
	for _, img := range images {
		index := indexOf(t, img.Ref, img.Digest)
		if index.Annotations["of"] != "all" || len(index.Manifests) != 2 {
			t.Fatalf("%s names an index with %v of %d images", img.Ref, index.Annotations, len(index.Manifests))
		}
		for i, want := range []struct{ platform, node, of string }{{"linux/arm64", "arm0", "arm"}, {"linux/amd64", "amd0", ""}} {
			entry := index.Manifests[i]
			if got := img.Platforms[i]; got.Platform != want.platform || got.Node != want.node || got.Digest != entry.Digest.String() {
				t.Errorf("%s: image %d is %+v, want %+v with %s", img.Ref, i, got, want, entry.Digest)
			}
			if entry.Platform.String() != want.platform {
				t.Errorf("%s: entry %d is for %s, want %s", img.Ref, i, entry.Platform, want.platform)
			}
			checkPlatform(t, img.Ref, entry, want.of)
		}
	}
	verifyIndex(t, reg, reg.Ref("nodes/app:v1-debug-attach"))
	for _, step := range []string{`\[arm0 internal\] load build context`, `\[amd0 .*RUN .* go build`, `\[arm0 .*RUN .* go build`, `\[arm0 attach\] exporting to image`} {
		steps := map[string]bool{} // the display comes back to one
		for _, found := range regexp.MustCompile(`(?m)^#\d+ `+step).FindAllString(stderr.String(), -1) {
			steps[found] = true
		}
		if len(steps) != 1 {
			t.Errorf("the progress has %v for %s, want it once:\n%s", steps, step, stderr.String())
		}
	}

	stderr.Reset()
	if code, stdout = runs(t, &stderr, "build", "--progress", "plain", "--platform", "linux/amd64,linux/arm64", "--dry-run", "--format", "json", dir); code != cli.ExitOK {
		t.Fatalf("exit code %d\n%s", code, stderr.String())
	}
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		if !strings.Contains(stdout, `"platform": "`+platform+`"`) {
			t.Errorf("the plans lack %s:\n%s", platform, stdout)
		}
	}

	stderr.Reset()
	files := filepath.Join(dir, "files")
	if code, _ := runs(t, &stderr, "build", "--progress", "plain", "--platform", "linux/amd64,linux/arm64", "-o", files, dir); code != cli.ExitOK {
		t.Fatalf("exit code %d\n%s", code, stderr.String())
	}
	for _, platform := range []string{"linux_amd64", "linux_arm64"} {
		if _, err := os.Stat(filepath.Join(files, platform, "dlv")); err != nil {
			t.Error(err)
		}
	}
}

// indexOf is the index that a tag names, by the digest that was told.
func indexOf(t *testing.T, tag, digest string) *v1.IndexManifest {
	t.Helper()
	ref, err := name.ParseReference(tag, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	desc, err := remote.Get(ref, remote.WithContext(proctest.Context(t)))
	if err != nil {
		t.Fatal(err)
	}
	if desc.Digest.String() != digest {
		t.Errorf("%s names %s, and %s was told", tag, desc.Digest, digest)
	}
	index, err := desc.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// checkPlatform reads an image of an index by its digest.
func checkPlatform(t *testing.T, tag string, entry v1.Descriptor, of string) {
	t.Helper()
	ref, err := name.ParseReference(tag, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(ref.Context().Digest(entry.Digest.String()), remote.WithContext(proctest.Context(t)))
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if config.Platform().String() != entry.Platform.String() || manifest.Annotations["of"] != of {
		t.Errorf("%s: the image for %s is of %s, with %v", tag, entry.Platform, config.Platform(), manifest.Annotations)
	}
}

// TestANodeThatDiesEndsTheBuild cuts the connections to one of two nodes while both run a step
// that never ends.
func TestANodeThatDiesEndsTheBuild(t *testing.T) {
	reg := needBuildKit(t)
	amd := testenv.SharedBuildKit(t)
	line := newLine(t, testenv.AnotherBuildKit(t).Addr)
	pairOfNodes(t, amd.Addr, line.addr)
	dir := crossService(t, reg, "tail -f /dev/null")
	// Both wait by now: then arm0 is gone.
	stderr := &watched{seen: map[string]bool{}, wanted: map[string]*regexp.Regexp{
		"amd0": regexp.MustCompile(`\[amd0 [^\n]*RUN tail`), "arm0": regexp.MustCompile(`\[arm0 [^\n]*RUN tail`),
	}, then: line.cut}
	code, _ := runs(t, stderr, "build", "--progress", "plain", "-t", reg.Ref("nodes/dying:v1"), "--platform", "linux/amd64,linux/arm64", "--push", dir)
	text := stderr.String()
	var last string
	for each := range strings.Lines(text) {
		if strings.HasPrefix(each, "dlvgen: ") {
			last = each
		}
	}
	const want = "dlvgen: node arm0 of the buildx builder pair stopped answering during the build for linux/arm64, and no tag was moved: "
	if code != cli.ExitFailure || !strings.HasPrefix(last, want) || !strings.HasSuffix(text, last) {
		t.Errorf("exit code %d, the last line is %q, want %q in:\n%s", code, last, want, text)
	}
	reg.Lacks(t, "nodes/dying:v1-debug")
	waitIdle(t, amd)
}

// waitIdle waits until a BuildKit builds nothing any more.
func waitIdle(t *testing.T, bk *testenv.BuildKit) {
	t.Helper()
	ctx := proctest.Context(t)
	c, err := bk.Client(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for {
		stream, err := c.ControlClient().ListenBuildHistory(ctx, &controlapi.BuildHistoryRequest{ActiveOnly: true, EarlyExit: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = stream.Recv(); errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-ctx.Done():
			t.Fatal("the other node's build was not cancelled")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// watched keeps what is written, and calls then when all that is wanted was.
type watched struct {
	mu     sync.Mutex
	text   bytes.Buffer
	wanted map[string]*regexp.Regexp
	seen   map[string]bool
	then   func()
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(p)
	if len(w.seen) == len(w.wanted) {
		return n, err
	}
	for name, pattern := range w.wanted {
		if pattern.Match(w.text.Bytes()) {
			w.seen[name] = true
		}
	}
	if len(w.seen) == len(w.wanted) {
		w.then()
	}
	return n, err
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// line leads to a daemon until it is cut.
type line struct {
	addr     string
	listener net.Listener

	mu    sync.Mutex
	conns []net.Conn
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	l := &line{addr: "unix://" + socket, listener: listener}
	t.Cleanup(l.cut)
	go l.serve(strings.TrimPrefix(to, "unix://"))
	return l
}

func (l *line) serve(socket string) {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return // it is cut
		}
		daemon, err := (&net.Dialer{}).DialContext(context.Background(), "unix", socket)
		if err != nil {
			_ = client.Close()
			continue
		}
		l.mu.Lock()
		l.conns = append(l.conns, client, daemon)
		l.mu.Unlock()
		for from, to := range map[net.Conn]net.Conn{client: daemon, daemon: client} {
			go func() {
				_, _ = io.Copy(to, from)
				_ = to.Close()
			}()
		}
	}
}

func (l *line) cut() {
	_ = l.listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.conns {
		_ = conn.Close()
	}
}
