package cli

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
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
	p := variants.Preset{Name: "remote-src", Base: "remote-src", Suffix: "-debug-src"}
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
		{map[string]string{}, map[string]string{"name": "a:1-debug,b:1-debug", "oci-mediatypes": "true", "compression": "gzip", "compression-level": "1"}},
		{map[string]string{"compression": "zstd", "oci-mediatypes": "false"},
			map[string]string{"name": "a:1-debug,b:1-debug", "oci-mediatypes": "false", "compression": "zstd"}},
	} {
		e, err := output{kind: client.ExporterOCI, attrs: test.given}.export("x.tar", []string{"a:1-debug", "b:1-debug"}, io.Discard)
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
		"-t", "one.example/app:v1", "-t", "one.example/app:v2", "-t", "two.example/app:v1", "-t", "old.example/app:v1")}
	res := &result{preset: b.presets[0]}
	var err error
	if res.refs, err = b.references(res.preset); err != nil {
		t.Fatal(err)
	}
	got, load, err := b.exports(proctest.Context(t), res)
	if err != nil || load != nil {
		t.Fatalf("load %v, error %v", load, err)
	}
	common := func(name string, more map[string]string) client.ExportEntry {
		attrs := map[string]string{"name": name, "push": "true", "push-by-digest": "true", "unpack": "false",
			"oci-mediatypes": "true", "compression": "gzip", "compression-level": "1"}
		for key, value := range more {
			attrs[key] = value
		}
		return client.ExportEntry{Type: "image", Attrs: attrs}
	}
	want := []client.ExportEntry{
		common("one.example/app,two.example/app", nil),
		common("old.example/app", map[string]string{"registry.insecure": "true"}),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
