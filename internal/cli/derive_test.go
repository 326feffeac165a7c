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
	"regexp"
	"slices"
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
	publishOn(t, reg, image, program, empty.Image, "amd64")
}

// publishOn is publish for an architecture, on top of another image.
func publishOn(t *testing.T, reg *testenv.Registry, image, program string, base v1.Image, architecture string) {
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
	img, err := mutate.AppendLayers(base, l)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", architecture
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
	runIn(t, dir, "git", "init", "--quiet")
	runIn(t, dir, "git", "add", "--all")
	commit(t, dir, "--message", "first")
	runIn(t, dir, "go", "build", "-buildvcs=true", "-trimpath", "-ldflags=-s -w", "-o", program, ".")
	return dir, program
}

func commit(t *testing.T, dir string, args ...string) {
	t.Helper()
	runIn(t, dir, "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet"}, args...)...)
}

func runIn(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(proctest.Context(t), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
}

// checkSizes reads what `dlvgen inspect` says of the layers of an image that dlvgen has made.
func checkSizes(t *testing.T, ref string) {
	t.Helper()
	var got []struct {
		Plan struct {
			Layers []struct{ Files, Description string }
		}
		Layers []struct {
			Size      int64
			CreatedBy string
			Added     bool
		}
	}
	r := mustCall(t, "inspect", ref, "--format", "json")
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || len(got) != 1 {
		t.Fatalf("%v in\n%s", err, r.stdout)
	}
	r = mustCall(t, "inspect", ref)
	planned, of := got[0].Plan.Layers, len(got[0].Layers)
	if len(planned) == 0 || of < len(planned) {
		t.Fatalf("the image has %d layers, and its plan %d", of, len(planned))
	}
	for i, l := range got[0].Layers {
		n := i - (of - len(planned))
		if l.Size == 0 || l.Added != (n >= 0) {
			t.Errorf("layer %d of %d: %+v", i, of, l)
		}
		if n < 0 {
			continue
		}
		if want := "dlvgen: " + planned[n].Description + " at " + planned[n].Files; l.CreatedBy != want {
			t.Errorf("layer %d is created by %q, want %q", i, l.CreatedBy, want)
		}
		says := regexp.MustCompile(`(?m)^  added +` + regexp.QuoteMeta(planned[n].Files+": "+planned[n].Description) + `, [\d.]+[kM]?B$`)
		if !says.MatchString(r.stdout) {
			t.Errorf("stdout lacks %s:\n%s", says, r.stdout)
		}
	}
	if says := regexp.MustCompile(fmt.Sprintf(`(?m)^  size +[\d.]+MB in %d layers$`, of)); !says.MatchString(r.stdout) {
		t.Errorf("stdout lacks %s:\n%s", says, r.stdout)
	}
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
	checkPublished(t, image)
	for _, suffix := range []string{"-debug-src", "-debug-sidecar"} {
		verifyHonest(t, ref+suffix, ref)
		checkSizes(t, ref+suffix)
	}

	// Of another commit, and of a program that says nothing of itself, there is none.
	commit(t, dir, "--allow-empty", "--message", "second")
	text, err := os.ReadFile(program)
	if err == nil {
		err = os.WriteFile(program, bytes.Replace(text, []byte("\xff Go buildinf:"), make([]byte, 14), 1), 0o700) //nolint:gosec // a program
	}
	if err != nil {
		t.Fatal(err)
	}
	publish(t, reg, "cli/published:unknown", program)
	for name, want := range map[string]string{
		"v1":      "cannot be compiled again: production's was compiled from commit ",
		"unknown": "/app/server, which the image starts (ENTRYPOINT), cannot be debugged: it is an ELF file but not a Go program: it has no Go build information; nothing else in " + reg.Ref("cli/published:unknown"),
		"absent":  "registry " + reg.Host + " has no such image: check the name and the tag",
	} {
		if r := derive(t, reg.Ref("cli/published:"+name), "--source", dir); r.code != cli.ExitFailure || !strings.Contains(r.stderr, want) {
			t.Errorf("%s: exit code %d, want %q\n%s", name, r.code, want, r.stderr)
		}
	}
}

// checkPublished compares a debug image with what publish pushed.
func checkPublished(t *testing.T, image v1.Image) {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c := config.Config; c.User != "7:8" || !slices.Equal(c.Env, []string{"A=b"}) {
		t.Errorf("the config is %+v", c)
	}
	for e, err := range testenv.Entries(mutate.Extract(image)) {
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]int64{"app": 0o710, "app/server": 0o550}[strings.Trim(e.Name, "/")]
		if want != 0 && (e.Mode&0o7777 != want || e.Uid != 7 || e.Gid != 8) {
			t.Errorf("%s has mode %o, and is of %d:%d", e.Name, e.Mode, e.Uid, e.Gid)
		}
	}
	var plan variants.Plan
	if err := json.Unmarshal(fileOf(t, image, ".dlvgen/plan.json"), &plan); err != nil {
		t.Fatal(err)
	}
	r := plan.Program.Rebuilt
	if r == nil || r.From != variants.RebuildContext || len(r.Revision) != 40 || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "with -trimpath") || !strings.HasPrefix(plan.Production.Digest, "sha256:") {
		t.Errorf("the plan records %+v of %+v", r, plan.Production)
	}
}
