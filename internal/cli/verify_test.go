//go:build !race

// It reads whole layers, which takes long with the detector.

package cli_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// results are those of `dlvgen verify` for an image of one platform, by check.
func results(t *testing.T, ref string, code int) map[string]string {
	t.Helper()
	r := call(t, "verify", ref, "--format", "json")
	var records []struct {
		Checks []struct{ Check, Result, Detail string }
	}
	if err := json.Unmarshal([]byte(r.stdout), &records); err != nil || len(records) != 1 || r.code != code {
		t.Fatalf("%s: exit code %d, %v\n%s%s", ref, r.code, err, r.stdout, r.stderr)
	}
	got := map[string]string{}
	for _, c := range records[0].Checks {
		got[c.Check] = c.Result
		t.Logf("%s: %s %s: %s", ref, c.Check, c.Result, c.Detail)
	}
	return got
}

// withLie adds a layer, as dlvgen adds them, to an image.
func withLie(t *testing.T, img v1.Image, files map[string][]byte) v1.Image {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, text := range files {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(text))})
		if err == nil {
			_, err = w.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	err := w.Close()
	layer, layerErr := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err := errors.Join(err, layerErr); err != nil {
		t.Fatal(err)
	}
	img, err = mutate.Append(img, mutate.Addendum{Layer: layer, History: v1.History{Comment: "dlvgen"}})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestVerifyChecksWhatAnImagePromises(t *testing.T) {
	reg := needBuildKit(t)
	const name = "cli/verified:v1"
	pushForeign(t, reg, name)
	mustBuild(t, "-t", reg.Ref(name), "--variant", "remote,remote-src,sidecar", "--push", testenv.Service(t, "hello"))
	honest := map[string]string{"labels": "ok", "program": "ok", "debugger": "ok", "sources": "ok", "secrets": "ok", "production": "ok"}
	for _, suffix := range []string{"-debug", "-debug-src", "-debug-sidecar"} {
		if diff := cmp.Diff(honest, results(t, reg.Ref(name+suffix), cli.ExitOK)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", suffix, diff)
		}
	}

	lie := func(suffix string, labels map[string]string, files map[string][]byte) string {
		t.Helper()
		img, err := reg.Image(proctest.Context(t), name+suffix)
		if err != nil {
			t.Fatal(err)
		}
		img = withLie(t, img, files)
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		config = config.DeepCopy()
		for label, value := range labels {
			config.Config.Labels[label] = value
		}
		if img, err = mutate.ConfigFile(img, config); err != nil {
			t.Fatal(err)
		}
		ref, err := reg.Push(proctest.Context(t), name+suffix, img)
		if err != nil {
			t.Fatal(err)
		}
		return ref
	}
	tool := func(path ...string) []byte {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(append([]string{"..", "tools", "tree", "linux_amd64"}, path...)...))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	ref := lie("-debug", map[string]string{variants.LabelDelve: "1.25.2"}, map[string][]byte{
		"server": tool("init"), "dlv": tool("delve", "1.25.2", "dlv"), "src/main.go": []byte("package main"), ".dlvgen/id_rsa": nil,
	})
	want := map[string]string{"labels": "failed", "program": "failed", "debugger": "failed", "sources": "failed", "secrets": "failed", "production": "not checked"}
	if diff := cmp.Diff(want, results(t, ref, cli.ExitFailure)); diff != "" {
		t.Errorf("several lies (-want +got):\n%s", diff)
	}
	ref = lie("-debug-src", nil, map[string][]byte{"src/.wh.main.go": nil, "dlv": tool("init")})
	want = map[string]string{"labels": "ok", "program": "ok", "debugger": "failed", "sources": "failed", "secrets": "ok", "production": "not checked"}
	if diff := cmp.Diff(want, results(t, ref, cli.ExitFailure)); diff != "" {
		t.Errorf("a source that is missing (-want +got):\n%s", diff)
	}
	if r := call(t, "verify", reg.Ref(name)); r.code != cli.ExitFailure {
		t.Errorf("production was verified:\n%s", r.stdout)
	}
}
