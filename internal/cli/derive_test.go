//go:build !race

// What is derived from is another program, which is compiled without the detector.

package cli_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// derive runs `dlvgen derive` against the shared BuildKit.
func derive(t *testing.T, args ...string) ran {
	t.Helper()
	args = append([]string{"derive", "--addr", testenv.SharedBuildKit(t).Addr, "--progress", "plain"}, args...)
	var stdout, stderr bytes.Buffer
	code := cli.Run(proctest.Context(t), args, strings.NewReader(""), &stdout, &stderr)
	return ran{code, stdout.String(), stderr.String()}
}

// publish pushes an image that has a program and nothing else, as /app/server of a user of its
// own.
func publish(t *testing.T, reg *testenv.Registry, image, program string) {
	t.Helper()
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, h := range []*tar.Header{
		{Name: "app/", Typeflag: tar.TypeDir, Mode: 0o710, Uid: 7, Gid: 8},
		{Name: "app/server", Typeflag: tar.TypeReg, Mode: 0o550, Uid: 7, Gid: 8, Size: int64(len(text))},
	} {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	config.Config = v1.Config{Entrypoint: []string{"/app/server"}, User: "7:8", Env: []string{"A=b"}, OnBuild: []string{"RUN false"}}
	if img, err = mutate.ConfigFile(img, config); err == nil {
		_, err = reg.Push(proctest.Context(t), image, img)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// checkedOut is the service prebuilt as a git repository, with its program compiled from that,
// stripped.
func checkedOut(t *testing.T) (dir, program string) {
	t.Helper()
	dir, program = testenv.Service(t, "prebuilt"), filepath.Join(t.TempDir(), "server")
	for _, words := range [][]string{
		{"git", "init", "--quiet"}, {"git", "add", "--all"}, {"git", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", "first"},
		{"go", "build", "-buildvcs=true", "-trimpath", "-ldflags=-s -w", "-o", program, "."},
	} {
		cmd := exec.CommandContext(proctest.Context(t), words[0], words[1:]...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v: %s", words, err, out)
		}
	}
	return dir, program
}

// TestADebugImageOfAPublishedImage has the image with a stripped program, and a checkout of its
// sources. The program stands in the place of production's, and stops in main.
func TestADebugImageOfAPublishedImage(t *testing.T) {
	reg := needBuildKit(t)
	ctx, listen := proctest.Context(t), fmt.Sprintf("127.0.0.1:%d", testenv.FreePort(t))
	dir, program := checkedOut(t)
	publish(t, reg, "cli/published:v1", program)
	ref := reg.Ref("cli/published:v1")
	r := derive(t, ref, "--source", dir, "--variant", "remote-src,sidecar", "--listen", listen, "--push")
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if r.code != cli.ExitOK || len(lines) != 2 || !strings.HasPrefix(lines[0], ref+"-debug-src@sha256:") || !strings.HasPrefix(lines[1], ref+"-debug-sidecar@sha256:") {
		t.Fatalf("exit code %d, stdout %q\n%s", r.code, lines, r.stderr)
	}
	image, err := reg.Image(ctx, "cli/published:v1-debug-src")
	if err != nil {
		t.Fatal(err)
	}
	d := connectTo(ctx, t, image, listen)
	state, err := d.HitFunction(ctx, "main.main", func(context.Context) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if got := state.CurrentThread.File; got != "/src/main.go" {
		t.Errorf("stopped in %s", got)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	var plan variants.Plan
	if err := json.Unmarshal(fileOf(t, image, ".dlvgen/plan.json"), &plan); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v %+v", plan.Program.Rebuilt, plan.Production)
}
