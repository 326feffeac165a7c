package cli

import (
	"bytes"
	"io"
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
		args []string
		want []output
	}{
		{nil, nil},
		{[]string{"--push"}, []output{{kind: "image", attrs: pushed}}},
		{[]string{"-o", "type=registry"}, []output{{kind: "image", attrs: pushed}}},
		{[]string{"--push", "-o", "type=image,compression=zstd"}, []output{{kind: "image", attrs: map[string]string{"push": "true", "compression": "zstd"}}}},
		{[]string{"--load"}, []output{{kind: "docker", attrs: map[string]string{}}}},
		{[]string{"--load", "-o", "type=docker,dest=x.tar"}, []output{
			{kind: "docker", dest: "x.tar", attrs: map[string]string{}}, {kind: "docker", attrs: map[string]string{}}}},
		{[]string{"-o", "out"}, []output{{kind: "local", dest: "out", attrs: map[string]string{}}}},
		{[]string{"-o", "-"}, []output{{kind: "tar", dest: "-", attrs: map[string]string{}}}},
		{[]string{"-o", "type=oci"}, []output{{kind: "oci", dest: "-", attrs: map[string]string{}}}},
		{[]string{"-o", `"type=oci","dest=a,b.tar"`}, []output{{kind: "oci", dest: "a,b.tar", attrs: map[string]string{}}}},
		{[]string{"-o", "type=cacheonly"}, nil},
		{[]string{"-o", "type=image,push="}, []output{{kind: "image", attrs: map[string]string{"push": "true"}}}},
		{[]string{"-o", "type=image, PUSH=1,store=F"}, []output{{kind: "image", attrs: map[string]string{"push": "true", "store": "false"}}}},
		{[]string{"-o", "type=image,push=0"}, []output{{kind: "image", attrs: map[string]string{"push": "false"}}}},
		{[]string{"-o", "type=oci,tar=,dest=x.tar"}, []output{{kind: "oci", dest: "x.tar", attrs: map[string]string{"tar": "true"}}}},
		{[]string{"-o", "type=image,annotation.a=b"}, []output{{kind: "image", attrs: map[string]string{"annotation.a": "b"}}}},
	} {
		r, err := parse(t, environment{}, append(test.args, "-t", "app:v1")...)
		if err != nil {
			t.Errorf("%q: %v", test.args, err)
			continue
		}
		if diff := cmp.Diff(test.want, r.outputs, cmp.AllowUnexported(output{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.args, diff)
		}
	}
}

func TestSeveralVariantsGetDestinationsOfTheirOwn(t *testing.T) {
	p := preset{Request: variants.Request{Preset: "remote-src", Variant: variants.Variant{Suffix: "-debug-src"}}}
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
		if got := test.output.destination(p, test.several); got != test.want {
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
		e, err := output{kind: client.ExporterOCI, attrs: test.given}.export("x.tar", refs, io.Discard)
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
	e, err := output{kind: client.ExporterTar}.export(dest, nil, io.Discard)
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
	e, err := output{kind: client.ExporterTar}.export("-", nil, &stdout)
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
	b := builder{request: mustParse(t, environment{}, "--push", "--insecure-registry", "old.example",
		"-t", "one.example/app:v1", "-t", "one.example/app:v2", "-t", "two.example/app:v1", "-t", "Old.example:443/app:v1",
		"-t", "TWO.example/app:v2", "-t", "one.example:443/app:v1")}
	res := &result{preset: b.presets[0]}
	got, load, err := b.exports(proctest.Context(t), res)
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
		_, err := parse(t, environment{}, "-t", "app:v1", "-o", arg)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %q", arg, err, says)
		}
	}
}

func TestAFolderBesideAPushIsTheSameImage(t *testing.T) {
	dest := t.TempDir()
	for compression, same := range map[string]bool{"": true, ",compression=gzip": false, ",compression=zstd": false, ",push=true,store=false": true} {
		_, err := parse(t, environment{}, "-t", "app:v1", "-o", "type=registry"+compression, "-o", "type=oci,tar=false,dest="+dest)
		if (err == nil) != same {
			t.Errorf("%q: %v", compression, err)
		}
	}
}

func TestOutputsWhoseDigestCountsComeLast(t *testing.T) {
	b := builder{request: mustParse(t, environment{}, "-t", "app:v1", "-o", "type=oci,tar=false,dest="+t.TempDir(), "--push", "-o", "type=oci,dest=x.tar")}
	res := &result{preset: b.presets[0]}
	entries, _, err := b.exports(t.Context(), res)
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
	for _, test := range []struct {
		args []string
		says string // "" where the call is taken
	}{
		{[]string{"-t", "reg.example/app:v1", "-t", "REG.example/app:v1-debug"}, "is a production reference by --tag"},
		{[]string{"-t", "reg.example/app:v1", "-t", "reg.example:443/app:v1-debug"}, "is a production reference by --tag"},
		{[]string{"-t", "app:v1", "-t", "registry-1.docker.io/library/app:v1-debug"}, "is a production reference by --tag"},
		{[]string{"-t", "reg.example/app", "-t", "reg.example/app:latest-debug"}, "is a production reference by --tag"},
		{[]string{"-t", "reg.example/app:v1", "-t", "reg.example/app:v1-x", "--variant", "remote,attach", "--tag-suffix", "attach=-x-debug"}, "is the debug tag of variant"},
		{[]string{"-t", "reg.example/app:v1", "--cache-to", "REG.example:443/app:v1"}, "--cache-to writes to REG.example:443/app:v1, which is a production reference"},
		{[]string{"-t", "reg.example/app:v1", "--cache-to", "type=registry,ref=reg.example/app:v1-debug"}, "which is the debug tag of variant remote"},
		{[]string{"-t", "reg.example/app", "--cache-to", "reg.example/app"}, "which is a production reference"},
		{[]string{"-t", "reg.example/app:v1", "--cache-to", "type=registry,ref=reg.example/app@sha256:" + strings.Repeat("0", 64)}, "--cache-to"},
		{[]string{"-t", "reg.example/app:v1", "--cache-to", "type=registri,ref=reg.example/app:c"}, `did you mean "registry"?`},
		{[]string{"-t", "reg.example/app:v1", "--cache-to", "reg.example/app:cache"}, ""},
		{[]string{"-t", "reg.example/app:v1", "-t", "REG.example/app:v1", "--cache-to", "type=inline"}, ""},
	} {
		r, err := parse(t, environment{}, test.args...)
		switch {
		case test.says == "" && (err != nil || len(r.production) != 1):
			t.Errorf("%q: %v, production %v", test.args, err, r)
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%q: got %v, want one line with %q", test.args, err, test.says)
		}
	}
}

func TestInsecureRegistriesAreThoseThatAnyFlagNames(t *testing.T) {
	ref := mustRef(t, "old.example/app:v1-debug")
	for _, test := range []struct {
		args []string
		want bool
	}{
		{nil, false},
		{[]string{"--insecure-registry", "OLD.example:443"}, true},
		{[]string{"-o", "type=registry,registry.insecure="}, true},
		{[]string{"-o", "type=registry,registry.insecure=false"}, false},
		{[]string{"--cache-to", "type=registry,ref=old.example/app:cache,registry.insecure=true"}, true},
		{[]string{"--cache-to", "type=registry,ref=old.example/app:cache"}, false},
	} {
		if r := mustParse(t, environment{}, append(test.args, "-t", "old.example/app:v1")...); ref.In(r.insecure) != test.want {
			t.Errorf("%q: insecure are %q", test.args, r.insecure)
		}
	}
}
