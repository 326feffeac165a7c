package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
)

const manifest = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      containers:
      - name: app
        image: REGISTRY/app:v1 # production
      - name: proxy
        image: REGISTRY/proxy:v1
`

// TestManifestsGetTheDebugImagesOfARegistry has production with debug images of three variants,
// of which one is stale, and an image that is not Go.
func TestManifestsGetTheDebugImagesOfARegistry(t *testing.T) {
	reg := newRegistry(t)
	pushLabelled(t, reg, "app:v1", nil)
	pushLabelled(t, reg, "proxy:v1", nil)
	debug := pushLabelled(t, reg, "app:v1-debug", labelled(t, "remote"))
	source := pushLabelled(t, reg, "app:v1-debug-src", labelled(t, "remote-src"))
	sidecar := pushLabelled(t, reg, "app:v1-debug-sidecar", labelled(t, "sidecar"))
	mustCall(t, "attach", reg.Ref("app:v1-debug"), reg.Ref("app:v1-debug-sidecar"))
	in := strings.ReplaceAll(manifest, "REGISTRY/", reg.Ref(""))
	kube := func(in string, code int, args ...string) ran {
		t.Helper()
		var stdout, stderr bytes.Buffer
		r := ran{cli.Run(proctest.Context(t), append([]string{"kube"}, args...), strings.NewReader(in), &stdout, &stderr), stdout.String(), stderr.String()}
		if r.code != code {
			t.Fatalf("%q: exit code %d, want %d\n%s", args, r.code, code, r.stderr)
		}
		return r
	}
	r := kube(in, cli.ExitOK)
	if !strings.Contains(r.stdout, "        image: "+debug+" # production\n") || !strings.Contains(r.stdout, "image: "+reg.Ref("proxy:v1")+"\n") || !strings.Contains(r.stdout, "containerPort: 8000\n") {
		t.Errorf("it prints\n%s", r.stdout)
	}
	if want := "dlvgen: container proxy of Deployment app stays as it is: " + reg.Ref("proxy:v1") + " has no debug image of the variant remote\n"; r.stderr != want {
		t.Errorf("stderr is %q, want %q", r.stderr, want)
	}
	if again := kube(r.stdout, cli.ExitOK); again.stdout != r.stdout {
		t.Errorf("a second time it prints\n%s", again.stdout)
	}
	if r := kube(in, cli.ExitOK, "-c", "app", "--variant", "sidecar", "-"); !strings.Contains(r.stdout, "image: "+sidecar+"\n") || !strings.Contains(r.stdout, "shareProcessNamespace: true\n") || r.stderr != "" {
		t.Errorf("it prints\n%s%s", r.stdout, r.stderr)
	}
	if r := kube(in, cli.ExitOK, "--image", "app="+source, "-c", "app", "--patch"); !strings.Contains(r.stdout, "image: "+source+"\n") || strings.Contains(r.stdout, "selector") {
		t.Errorf("it prints\n%s%s", r.stdout, r.stderr)
	}
	if r := kube(in, cli.ExitOK, "-c", "app", "--custom"); r.stdout != `{"securityContext":{"capabilities":{"add":["SYS_PTRACE"]}}}`+"\n" {
		t.Errorf("it prints\n%s%s", r.stdout, r.stderr)
	}

	for want, args := range map[string][]string{
		"container proxy of Deployment app: " + reg.Ref("proxy:v1") + " has no debug image of the variant remote":          {"-c", "proxy"},
		"the manifests have no container other: there are app, proxy":                                                      {"-c", "other"},
		"container app of Deployment app: " + reg.Ref("proxy:v1") + " is no debug image":                                   {"--image", "app=" + reg.Ref("proxy:v1")},
		"no container has a debug image of the variant mine: push one with `dlvgen build --push`, or name it with --image": {"--variant", "mine"},
		"--custom is for one container, and there are 2: choose one with -c":                                               {"--custom"},
	} {
		if r := kube(in, cli.ExitFailure, args...); r.stdout != "" || !strings.Contains(r.stderr, want) {
			t.Errorf("%q: stdout %q, stderr %q, want %q", args, r.stdout, r.stderr, want)
		}
	}
	for want, args := range map[string][]string{
		"--patch and --custom cannot be used together":             {"--patch", "--custom"},
		`--start is "now": it must be hold or continue`:            {"--start", "now"},
		"--user is -1: a UID is not negative":                      {"--user", "-1"},
		"--kustomize writes files into a folder, and -o names one": {"--kustomize", "x", "-o", "y"},
	} {
		if r := kube(in, cli.ExitUsage, args...); !strings.Contains(r.stderr, want) {
			t.Errorf("%q: %q, want %q", args, r.stderr, want)
		}
	}

	// What production's tag names now is another image.
	pushLabelled(t, reg, "app:v1", map[string]string{"a": "b"})
	if r := kube(in, cli.ExitFailure); !strings.Contains(r.stderr, "was derived from what "+reg.Ref("app:v1")+" was before: build it again") {
		t.Errorf("a stale image: %q", r.stderr)
	}
}

// TestManifestsAreReadAndWrittenAsFiles has a folder, and writes a file and a component, twice.
func TestManifestsAreReadAndWrittenAsFiles(t *testing.T) {
	reg := newRegistry(t)
	pushLabelled(t, reg, "app:v1", nil)
	pushLabelled(t, reg, "app:v1-debug", labelled(t, "remote"))
	dir := t.TempDir()
	in, out, component := filepath.Join(dir, "in"), filepath.Join(dir, "out.yaml"), filepath.Join(dir, "component")
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(in, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(in, name), []byte(strings.ReplaceAll(text, "REGISTRY/", reg.Ref(""))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r := call(t, "kube", dir); r.code != cli.ExitFailure || !strings.Contains(r.stderr, "has no manifests: their names end in .yaml, .yml, .json") {
		t.Errorf("an empty folder: %d %q", r.code, r.stderr)
	}
	write("a.yaml", manifest)
	write("b.yml", "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n")
	write("kustomization.yaml", "resources: [a.yaml]\n")
	write("notes.txt", "{{")
	if r := mustCall(t, "kube", "-c", "app", "-o", out, in); !strings.HasSuffix(r.stderr, "dlvgen: wrote "+out+"\n") {
		t.Errorf("stderr is %q", r.stderr)
	}
	text, err := os.ReadFile(out)
	if err != nil || !strings.Contains(string(text), "---\napiVersion: v1\nkind: Service\n") || strings.Contains(string(text), "resources:") {
		t.Errorf("%v: wrote\n%s", err, text)
	}
	for _, said := range []string{"wrote ", "nothing to change in "} {
		if r := mustCall(t, "kube", "-c", "app", "--kustomize", component, in); !strings.Contains(r.stderr, said+filepath.Join(component, "kustomization.yaml")) || !strings.Contains(r.stderr, said+filepath.Join(component, "deployment-app.yaml")) {
			t.Errorf("stderr is %q", r.stderr)
		}
	}
	profile := filepath.Join(dir, "profile.json")
	mustCall(t, "kube", "-c", "app", "--custom", "-o", profile, in)
	if text, err := os.ReadFile(profile); err != nil || !json.Valid(text) {
		t.Errorf("%v: wrote\n%s", err, text)
	}
	foreign := filepath.Join(dir, "foreign")
	if err := errors.Join(os.Mkdir(foreign, 0o755), os.WriteFile(filepath.Join(foreign, "kustomization.yaml"), []byte("resources: []\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if r := call(t, "kube", "-c", "app", "--kustomize", foreign, in); r.code != cli.ExitFailure || !strings.Contains(r.stderr, "kustomization.yaml was not made by dlvgen kube") {
		t.Errorf("into a kustomization of the user's: %d %q", r.code, r.stderr)
	}
	if _, err := os.Stat(filepath.Join(foreign, "deployment-app.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a part of the component is written: %v", err)
	}
	if r := call(t, "kube", "-c", "app", "-o", filepath.Join(in, "a.yaml"), in); r.code != cli.ExitFailure || !strings.Contains(r.stderr, "a.yaml was not made by dlvgen kube") {
		t.Errorf("over the user's own file: %d %q", r.code, r.stderr)
	}
	if r := call(t, "kube", filepath.Join(in, "none.yaml")); r.code != cli.ExitFailure || !strings.Contains(r.stderr, "no manifest at ") {
		t.Errorf("no such file: %d %q", r.code, r.stderr)
	}
}
