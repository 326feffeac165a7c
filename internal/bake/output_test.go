package bake

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/moby/buildkit/client"
)

func TestOutputsAreReadAsBuildxReadsThem(t *testing.T) {
	pushed := map[string]string{"push": "true", "unpack": "false"}
	for _, test := range []struct {
		o    Options
		want []output
	}{
		{Options{}, nil},
		{Options{Push: true}, []output{{kind: "image", attrs: pushed}}},
		{Options{Outputs: []string{"type=registry"}}, []output{{kind: "image", attrs: pushed}}},
		{Options{Push: true, Outputs: []string{"type=image,compression=zstd"}}, []output{{kind: "image", attrs: map[string]string{"push": "true", "compression": "zstd"}}}},
		{Options{Load: true}, []output{{kind: "docker", attrs: map[string]string{}}}},
		{Options{Load: true, Outputs: []string{"type=docker,dest=x.tar"}}, []output{
			{kind: "docker", dest: "x.tar", attrs: map[string]string{}}, {kind: "docker", attrs: map[string]string{}}}},
		{Options{Outputs: []string{"out"}}, []output{{kind: "local", dest: "out", attrs: map[string]string{}}}},
		{Options{Outputs: []string{"-"}}, []output{{kind: "tar", dest: "-", attrs: map[string]string{}}}},
		{Options{Outputs: []string{"type=oci"}}, []output{{kind: "oci", dest: "-", attrs: map[string]string{}}}},
		{Options{Outputs: []string{`"type=oci","dest=a,b.tar"`}}, []output{{kind: "oci", dest: "a,b.tar", attrs: map[string]string{}}}},
		{Options{Outputs: []string{"type=cacheonly"}}, nil},
		{Options{Outputs: []string{"type=image,push="}}, []output{{kind: "image", attrs: map[string]string{"push": "true"}}}},
		{Options{Outputs: []string{"type=image, PUSH=1,store=F"}}, []output{{kind: "image", attrs: map[string]string{"push": "true", "store": "false"}}}},
		{Options{Outputs: []string{"type=image,push=0"}}, []output{{kind: "image", attrs: map[string]string{"push": "false"}}}},
		{Options{Outputs: []string{"type=oci,tar=,dest=x.tar"}}, []output{{kind: "oci", dest: "x.tar", attrs: map[string]string{"tar": "true"}}}},
		{Options{Outputs: []string{"type=image,annotation.a=b"}}, []output{{kind: "image", attrs: map[string]string{"annotation.a": "b"}}}},
	} {
		test.o.Tags = []string{"app:v1"}
		r, err := newRequest(t, test.o)
		if err != nil {
			t.Errorf("%+v: %v", test.o, err)
			continue
		}
		if diff := cmp.Diff(test.want, r.outputs, cmp.AllowUnexported(output{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test.o, diff)
		}
	}
}

func TestSeveralVariantsGetDestinationsOfTheirOwn(t *testing.T) {
	img := Image{Request: variants.Request{Preset: "remote-src", Variant: variants.Variant{Suffix: "-debug-src"}}}
	for _, test := range []struct {
		output  output
		several bool
		want    string
	}{
		{output{kind: "oci", dest: "out/app.tar"}, false, "out/app.tar"},
		{output{kind: "oci", dest: "out/app.tar"}, true, "out/app-debug-src.tar"},
		{output{kind: "oci", dest: "app.v1.tar.gz"}, true, "app.v1-debug-src.tar.gz"},
		{output{kind: "docker", dest: "out.d/app"}, true, "out.d/app-debug-src"},
		{output{kind: "oci", dest: ".hidden"}, true, ".hidden-debug-src"},
		{output{kind: "local", dest: "out"}, true, filepath.Join("out", "remote-src")},
		{output{kind: "oci", dest: "layout", attrs: map[string]string{"tar": "false"}}, true, filepath.Join("layout", "remote-src")},
		{output{kind: "docker"}, true, ""},
	} {
		if got := test.output.destination(img, test.several); got != test.want {
			t.Errorf("%+v, several %v: got %q, want %q", test.output, test.several, got, test.want)
		}
	}
}

func TestImagesAreWrittenWithOurDefaultsUnlessTold(t *testing.T) {
	for _, test := range []struct {
		given, want map[string]string
	}{
		{map[string]string{}, map[string]string{"name": "docker.io/library/a:1-debug,b.example/b:1-debug", "oci-mediatypes": "true", "compression": "gzip", "compression-level": "1"}},
		{map[string]string{"compression": "zstd", "oci-mediatypes": "false"},
			map[string]string{"name": "docker.io/library/a:1-debug,b.example/b:1-debug", "oci-mediatypes": "false", "compression": "zstd"}},
	} {
		refs := []registry.Reference{mustRef(t, "a:1-debug"), mustRef(t, "b.example/b:1-debug")}
		e, err := output{kind: client.ExporterOCI, attrs: test.given}.export("x.tar", refs, Streams{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, e.Attrs); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestOutputFileIsCreatedOnlyWhenSomethingIsWritten(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "new", "x.tar")
	e, err := output{kind: client.ExporterTar}.export(dest, nil, Streams{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dest); !os.IsNotExist(err) {
		t.Fatalf("the file exists before the export: %v", err)
	}
	w, err := e.Output(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("tar")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(dest); err != nil || string(data) != "tar" {
		t.Errorf("the file has %q, %v", data, err)
	}
}

func TestStdoutStaysOpenAfterTheExport(t *testing.T) {
	var stdout bytes.Buffer
	e, err := output{kind: client.ExporterTar}.export("-", nil, Streams{Out: &stdout})
	if err != nil {
		t.Fatal(err)
	}
	w, err := e.Output(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("tar")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil || stdout.String() != "tar" {
		t.Errorf("got %q, %v", stdout.String(), err)
	}
}

func TestPushesGoByDigestToEveryRepositoryOnce(t *testing.T) {
	b := builder{Request: mustRequest(t, Options{Push: true, Insecure: []string{"old.example"}, Tags: []string{
		"one.example/app:v1", "one.example/app:v2", "two.example/app:v1", "Old.example:443/app:v1", "TWO.example/app:v2", "one.example:443/app:v1",
	}})}
	res := &Result{Image: b.images[0]}
	got, load, err := b.exports(proctest.Context(t), nil, res)
	if err != nil || load != nil {
		t.Fatalf("load %v, error %v", load, err)
	}
	common := func(name string, more map[string]string) client.ExportEntry {
		attrs := map[string]string{"name": name, "push": "true", "push-by-digest": "true", "unpack": "false", "store": "false",
			"oci-mediatypes": "true", "compression": "gzip", "compression-level": "1"}
		for key, value := range more {
			attrs[key] = value
		}
		return client.ExportEntry{Type: "image", Attrs: attrs}
	}
	want := []client.ExportEntry{
		common("one.example/app,two.example/app", nil),
		common("Old.example:443/app", map[string]string{"registry.insecure": "true"}),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func mustRef(t *testing.T, name string) registry.Reference {
	t.Helper()
	ref, err := registry.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestOutputsThatNameSomethingAreRefused(t *testing.T) {
	for arg, says := range map[string]string{
		"type=image,name=app:v1,push=true":                       "remove name=",
		"type=registry,push-by-digest=true":                      "remove push-by-digest=",
		"type=image,dangling-name-prefix=app":                    "remove dangling-name-prefix=",
		"type=image,danging-name-empty-only=":                    "remove danging-name-empty-only=",
		"type=docker,NAME=app:v1":                                "remove name=",
		"type=oci,name=*":                                        "remove name=",
		"type=image,push=yes":                                    `push is "yes": it must be true or false`,
		"type=image,pushed=true":                                 `no attribute "pushed", did you mean "push"?`,
		"type=image,unsafe-internal-store-allow-incomplete=true": "no attribute",
		"type=image,image.name=app:v1":                           "no attribute",
		"type=image,containerimage.config={}":                    "no attribute",
		"type=local,dest=x,push=true":                            "no attribute",
		"type=moby":                                              "unknown type",
		"type=registry,store=true":                               "give the store an output of its own",
	} {
		_, err := newRequest(t, Options{Tags: []string{"app:v1"}, Outputs: []string{arg}})
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %q", arg, err, says)
		}
	}
}

func TestAFolderBesideAPushIsTheSameImage(t *testing.T) {
	dest := t.TempDir()
	for compression, same := range map[string]bool{"": true, ",compression=gzip": false, ",compression=zstd": false, ",push=true,store=false": true} {
		_, err := newRequest(t, Options{Tags: []string{"app:v1"}, Outputs: []string{"type=registry" + compression, "type=oci,tar=false,dest=" + dest}})
		if (err == nil) != same {
			t.Errorf("%q: %v", compression, err)
		}
	}
}

func TestOutputsWhoseDigestCountsComeLast(t *testing.T) {
	b := builder{Request: mustRequest(t, Options{
		Tags: []string{"app:v1"}, Outputs: []string{"type=oci,tar=false,dest=" + t.TempDir(), "type=oci,dest=x.tar"}, Push: true,
	})}
	res := &Result{Image: b.images[0]}
	entries, _, err := b.exports(t.Context(), nil, res)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, e := range entries {
		kinds = append(kinds, e.Type)
	}
	if diff := cmp.Diff([]string{"oci", "image", "oci"}, kinds); diff != "" || entries[2].OutputDir == "" {
		t.Errorf("%v: %s", entries, diff)
	}
}

func TestNamesAreComparedInOneForm(t *testing.T) {
	renamed := asked(t, "remote,attach")
	renamed[1].Variant.Suffix = "-x-debug"
	template := func(text string) []variants.Request {
		list, err := variants.WithSuffixes(asked(t, "remote,attach"), map[string]string{"remote": text})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	for _, test := range []struct {
		o    Options
		says string // "" where the call is taken
	}{
		{Options{Tags: []string{"reg.example/app:v1", "REG.example/app:v1-debug"}}, "is a production reference by --tag"},
		{Options{Tags: []string{"reg.example/app:v1", "reg.example:443/app:v1-debug"}}, "is a production reference by --tag"},
		{Options{Tags: []string{"app:v1", "registry-1.docker.io/library/app:v1-debug"}}, "is a production reference by --tag"},
		{Options{Tags: []string{"reg.example/app", "reg.example/app:latest-debug"}}, "is a production reference by --tag"},
		{Options{Tags: []string{"reg.example/app:v1", "reg.example/app:v1-x"}, Variants: renamed}, "is the debug tag of variant"},
		{Options{Tags: []string{"reg.example/app:v1", "reg.example:443/app:v1-debug"}, Force: true}, "is a production reference by --tag"},
		{Options{Tags: []string{"reg.example/app:v1", "reg.example/app:v2"}, Variants: template("{repository}:debug")},
			"reg.example/app:debug would be the debug tag of variant remote for both reg.example/app:v1 and reg.example/app:v2: put {tag} into its --tag-suffix"},
		{Options{Tags: []string{"reg.example/a/app:v1", "reg.example/b/app:v1"}, Variants: template("{registry}/debug:{tag}")}, "put {repository} or {path} into its --tag-suffix"},
		{Options{Tags: []string{"reg.example/app:v1", "reg.example/app-debug:v1"}, Variants: template("REG.example/app-debug:{tag}"), Force: true}, "is a production reference by --tag"},
		{Options{Tags: []string{"reg.example/app:v1", "reg.example/app:dbg-v1"}, Variants: template("dbg-{tag}")}, "is a production reference by --tag"},
		{Options{Tags: []string{"reg.example/app:v1", "reg.example/app:dbg-v1"}, Variants: template("{registry}/{path}:{tag}-debug-attach-x")}, ""},
		{Options{Tags: []string{"reg.example/app:v1"}, Variants: template("{repository}:v1-debug-attach")}, "is the debug tag of variant remote and of variant attach"},
		{Options{Tags: []string{"reg.example/app:V1"}, Variants: template("{repository}-{tag}:debug")}, `variant remote, for reg.example/app:V1: the image reference "reg.example/app-V1:debug" is invalid: repository names are lower case`},
		{Options{Tags: []string{"reg.example/app:v1"}, Variants: template("{repository}-debug:{tag}"), CacheTo: []string{"reg.example/app-debug:v1"}}, "which is the debug tag of variant remote"},
		{Options{Tags: []string{"reg.example/app:v1"}, CacheTo: []string{"REG.example:443/app:v1"}}, "--cache-to writes to REG.example:443/app:v1, which is a production reference"},
		{Options{Tags: []string{"reg.example/app:v1"}, CacheTo: []string{"type=registry,ref=reg.example/app:v1-debug"}}, "which is the debug tag of variant remote"},
		{Options{Tags: []string{"reg.example/app"}, CacheTo: []string{"reg.example/app"}}, "which is a production reference"},
		{Options{Tags: []string{"reg.example/app:v1"}, CacheTo: []string{"type=registry,ref=reg.example/app@sha256:" + strings.Repeat("0", 64)}}, "--cache-to"},
		{Options{Tags: []string{"reg.example/app:v1"}, CacheTo: []string{"type=registri,ref=reg.example/app:c"}}, `did you mean "registry"?`},
		{Options{Tags: []string{"reg.example/app:v1"}, CacheTo: []string{"reg.example/app:cache"}}, ""},
		{Options{Tags: []string{"reg.example/app:v1", "REG.example/app:v1"}, CacheTo: []string{"type=inline"}}, ""},
	} {
		r, err := newRequest(t, test.o)
		switch {
		case test.says == "" && (err != nil || test.o.Variants == nil && len(r.production) != 1):
			t.Errorf("%+v: %v, production %v", test.o, err, r)
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%+v: got %v, want one line with %q", test.o, err, test.says)
		}
	}
}

func TestInsecureRegistriesAreThoseThatAnyFlagNames(t *testing.T) {
	ref := mustRef(t, "old.example/app:v1-debug")
	for _, test := range []struct {
		o    Options
		want bool
	}{
		{Options{}, false},
		{Options{Insecure: []string{"OLD.example:443"}}, true},
		{Options{Outputs: []string{"type=registry,registry.insecure="}}, true},
		{Options{Outputs: []string{"type=registry,registry.insecure=false"}}, false},
		{Options{CacheTo: []string{"type=registry,ref=old.example/app:cache,registry.insecure=true"}}, true},
		{Options{CacheTo: []string{"type=registry,ref=old.example/app:cache"}}, false},
	} {
		test.o.Tags = []string{"old.example/app:v1"}
		if r := mustRequest(t, test.o); ref.In(r.insecure) != test.want {
			t.Errorf("%+v: insecure are %q", test.o, r.insecure)
		}
	}
}
