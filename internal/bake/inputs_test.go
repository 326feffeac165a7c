package bake

import (
	"archive/tar"
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/buildkit/builders"
	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
	"github.com/tonistiigi/fsutil"
)

// newContext is a folder with the given empty files.
func newContext(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, context, file string, named []string, stdin io.Reader) (*inputs, error) {
	t.Helper()
	in, err := loadInputs(dockerfile{context, file}, named, stdin)
	if err == nil {
		t.Cleanup(in.close)
	}
	return in, err
}

func TestContextsBecomeTheOptionsThatBuildxSends(t *testing.T) {
	dir := newContext(t, "Dockerfile", "deploy/prod.Dockerfile")
	lower := newContext(t, "dockerfile")
	for _, test := range []struct {
		name          string
		context, file string
		stdin         string
		attrs         map[string]string
		mounts        []string
	}{
		{"a folder", dir, "", "", map[string]string{"filename": "Dockerfile"}, []string{"context", "dockerfile"}},
		{"-f", dir, filepath.Join(dir, "deploy", "prod.Dockerfile"), "", map[string]string{"filename": "prod.Dockerfile"}, []string{"context", "dockerfile"}},
		{"a lower case Dockerfile", lower, "", "", map[string]string{"filename": "dockerfile"}, []string{"context", "dockerfile"}},
		{"-f -", dir, "-", "FROM scratch", map[string]string{"filename": "Dockerfile", "dockerfilekey": "dockerfile"}, []string{"context", "dockerfile"}},
		{"a Dockerfile on stdin alone", "-", "", "FROM scratch", map[string]string{"filename": "Dockerfile", "dockerfilekey": "dockerfile"}, []string{"context", "dockerfile"}},
		{"git", "https://example.com/app.git#main:sub", "", "", map[string]string{"context": "https://example.com/app.git#main:sub", "filename": "Dockerfile"}, nil},
		{"git with -f", "https://example.com/app.git", "build/Dockerfile", "", map[string]string{"context": "https://example.com/app.git", "filename": "build/Dockerfile"}, nil},
		{"git with a local Dockerfile", "https://example.com/app.git", filepath.Join(dir, "Dockerfile"), "",
			map[string]string{"context": "https://example.com/app.git", "filename": "Dockerfile", "dockerfilekey": "dockerfile"}, []string{"dockerfile"}},
		{"a remote tar file", "https://example.com/app.tar.gz", "", "", map[string]string{"context": "https://example.com/app.tar.gz", "filename": "Dockerfile"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			in, err := load(t, test.context, test.file, nil, strings.NewReader(test.stdin))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.attrs, in.attrs); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.mounts, slices.Sorted(maps.Keys(in.mounts))); diff != "" {
				t.Errorf("mounts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestArchiveOnStdinIsHandedToEveryBuild(t *testing.T) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	in, err := load(t, "-", "prod.Dockerfile", nil, &archive)
	if err != nil {
		t.Fatal(err)
	}
	urls := map[string]bool{}
	for range 2 {
		so := client.SolveOpt{FrontendAttrs: map[string]string{}, LocalMounts: map[string]fsutil.FS{}}
		if err := in.apply(&so); err != nil {
			t.Fatal(err)
		}
		if so.FrontendAttrs["filename"] != "prod.Dockerfile" || len(so.Session) != 1 {
			t.Errorf("attributes %v, %d attachables", so.FrontendAttrs, len(so.Session))
		}
		urls[so.FrontendAttrs["context"]] = true
	}
	if len(urls) != 2 {
		t.Errorf("the two builds read %v, want an upload each", urls)
	}
	in.close()
	if _, err := os.Stat(in.archive); !os.IsNotExist(err) {
		t.Errorf("the archive is left behind: %v", err)
	}
}

func TestNamedContexts(t *testing.T) {
	dir, other := newContext(t, "Dockerfile"), newContext(t)
	in, err := load(t, dir, "", []string{
		"golang:1.26=docker-image://example.com/golang@sha256:" + strings.Repeat("a", 64),
		"alpine:latest=docker-image://alpine:3",
		"lib=" + other,
		"context=" + other,
		"src=https://example.com/src.git?ref=v1",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Base(other)
	want := map[string]string{
		"filename":                   "Dockerfile",
		"frontend.caps":              "moby.buildkit.frontend.contexts+forward,moby.buildkit.frontend.gitquerystring+forward",
		"context:golang:1.26":        "docker-image://example.com/golang@sha256:" + strings.Repeat("a", 64),
		"context:alpine":             "docker-image://alpine:3",
		"context:lib":                "local:lib",
		"context:context":            "local:_context",
		"context:src":                "https://example.com/src.git?ref=v1",
		"sharedkey:localdir:lib":     base,
		"sharedkey:localdir:context": base,
	}
	if diff := cmp.Diff(want, in.attrs); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"_context", "context", "dockerfile", "lib"}, slices.Sorted(maps.Keys(in.mounts))); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
}

func TestOCILayoutReferences(t *testing.T) {
	sum := digest.Digest("sha256:" + strings.Repeat("b", 64))
	for value, want := range map[string]ociLayout{
		"oci-layout:///x/y":                  {path: "/x/y", tag: "latest"},
		"oci-layout://rel/y:v1":              {path: "rel/y", tag: "v1"},
		"oci-layout:///x:5000/y":             {path: "/x:5000/y", tag: "latest"},
		"oci-layout:///x@" + sum.String():    {path: "/x", digest: sum},
		"oci-layout:///x:v1@" + sum.String(): {path: "/x", tag: "v1", digest: sum},
		`oci-layout://C:\x\y`:                {path: `C:\x\y`, tag: "latest"},
		`oci-layout://C:\x\y:v1`:             {path: `C:\x\y`, tag: "v1"},
		"oci-layout://C:/x/y:v1":             {path: "C:/x/y", tag: "v1"},
	} {
		got, err := parseOCILayout(value)
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", value, got, err, want)
		}
	}
}

func TestPathsOfWindowsAreFolders(t *testing.T) {
	for _, path := range []string{`C:\Users\me\app`, "C:/Users/me/app", `C:\Users\me\app.git`, "c:app", `..\app`, `\\server\share\app`} {
		if isRemote(path) {
			t.Errorf("%s is taken for the address of a repository", path)
		}
		name, value, err := parseNamedContext("lib=" + path)
		if err != nil || name != "lib" || value != path {
			t.Errorf("--build-context lib=%s is read as %q, %q, %v", path, name, value, err)
		}
		o, err := parseOutput("type=local,dest=" + path)
		if err != nil || o.dest != path {
			t.Errorf("-o type=local,dest=%s is read as %q, %v", path, o.dest, err)
		}
	}
}

func TestTheBuilderReadsDockerfilesByPathsOfLinux(t *testing.T) {
	for _, test := range []struct {
		file      string
		separator rune
		want      string
	}{
		{`build\Dockerfile`, '\\', "build/Dockerfile"},
		{"build/Dockerfile", '\\', "build/Dockerfile"},
		{"build/Dockerfile", '/', "build/Dockerfile"},
		{`a\b`, '/', `a\b`}, // a name on Linux
	} {
		if got := inContext(test.file, test.separator); got != test.want {
			t.Errorf("%s with %c: %s, want %s", test.file, test.separator, got, test.want)
		}
	}
}

func TestInputsThatDoNotExistAreNamed(t *testing.T) {
	dir := newContext(t, "main.go")
	for _, test := range []struct {
		context, file string
		named         []string
		stdin, want   string
	}{
		{context: filepath.Join(dir, "none"), want: "neither a folder nor a URL"},
		{context: dir, want: "no Dockerfile at " + filepath.Join(dir, "Dockerfile")},
		{context: dir, file: "none/Dockerfile", want: "no Dockerfile at none/Dockerfile"},
		{context: "-", file: "-", want: "only one of them"},
		{context: "-", file: "Dockerfile", stdin: "FROM scratch", want: "stdin is no archive"},
		{context: dir, file: filepath.Join(dir, "main.go"), named: []string{"x"}, want: "NAME=VALUE"},
		{context: dir, file: filepath.Join(dir, "main.go"), named: []string{"x=/none/at/all"}, want: "/none/at/all"},
		{context: dir, file: filepath.Join(dir, "main.go"), named: []string{"x=oci-layout:///none/at/all"}, want: "/none/at/all"},
	} {
		_, err := load(t, test.context, test.file, test.named, strings.NewReader(test.stdin))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v", test, err)
		}
	}
}

// module is a source of production without a Dockerfile.
type module struct{ production.Source }

func (m module) load(in *inputs, _ io.Reader) (production.Source, error) {
	in.attrs["module"] = "example.com/app"
	return m, nil
}

func TestASourceOfProductionBringsItsInputsAndItsReader(t *testing.T) {
	r := mustRequest(t, Options{DryRun: true})
	r.source = module{}
	in, err := loadInputs(r.source, []string{"lib=docker-image://lib"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	j, err := (&builder{Request: r, tools: &toolbox{}}).newJob(t.Context(), r.images[0], &node{Node: &builders.Node{}, shared: &sharedMounts{}}, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	attrs := j.options.FrontendAttrs
	if _, other := j.config.Source.(module); !other || attrs["module"] != "example.com/app" || attrs["filename"] != "" || attrs["context:lib"] == "" {
		t.Errorf("the frontend reads %T, with %v", j.config.Source, attrs)
	}
}
