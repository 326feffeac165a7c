package bake

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAttestationsAsBuildxReadsThem(t *testing.T) {
	for name, tc := range map[string]struct {
		options Options
		want    map[string]string
	}{
		"none":              {Options{}, map[string]string{}},
		"typed":             {Options{Attests: []string{"type=sbom,generator=a/b:1,SELECT=x", "type=provenance"}}, map[string]string{"attest:sbom": "type=sbom,generator=a/b:1,SELECT=x", "attest:provenance": "type=provenance"}},
		"short":             {Options{SBOM: "true", Provenance: "mode=max,version=v0.2"}, map[string]string{"attest:sbom": "type=sbom", "attest:provenance": "type=provenance,mode=max,version=v0.2"}},
		"the last counts":   {Options{Attests: []string{"type=sbom,generator=a"}, SBOM: "generator=b"}, map[string]string{"attest:sbom": "type=sbom,generator=b"}},
		"switched off":      {Options{Attests: []string{"type=sbom", "type=provenance,disabled=true"}, SBOM: "false"}, map[string]string{}},
		"switched on again": {Options{Attests: []string{"type=sbom,disabled=true", "type=sbom"}}, map[string]string{"attest:sbom": "type=sbom"}},
	} {
		got, err := tc.options.attestAttrs()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAnnotationsAsBuildxReadsThem(t *testing.T) {
	got, err := Options{Annotations: []string{"a=b=c", "index,manifest[linux/arm64]:d=e", "manifest-descriptor:f=", "index-descriptor:g=h"}}.annotated()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"annotation.a": "b=c", "annotation-index.d": "e", "annotation-manifest[linux/arm64].d": "e", "annotation-manifest-descriptor.f": "", "annotation-index-descriptor.g": "h",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	outputs, err := Options{Push: true, Outputs: []string{"type=local,dest=x"}, Annotations: []string{"a=b"}}.parseOutputs()
	if err != nil || len(outputs) != 2 {
		t.Fatalf("%+v, %v", outputs, err)
	}
	for _, o := range outputs {
		if _, annotated := o.attrs["annotation.a"]; annotated != o.pushes() {
			t.Errorf("type=%s has %v", o.kind, o.attrs)
		}
	}
}

func TestAttestationsAndAnnotationsThatAreRefused(t *testing.T) {
	for want, options := range map[string]Options{
		`unknown type "sbon", did you mean "sbom"?`:             {Attests: []string{"type=sbon"}},
		`--attest is "mode=max": it must begin with type=`:      {Attests: []string{"mode=max"}},
		`disabled must be true or false`:                        {Attests: []string{"type=sbom,disabled=perhaps"}},
		`--provenance is "type=provenance,max": "max" must be`:  {Provenance: "max"},
		`--annotation is "a": it must be [TYPE:]KEY=VALUE`:      {Annotations: []string{"a"}, Push: true},
		`"image" is no type: the types are manifest, `:          {Annotations: []string{"image:a=b"}, Push: true},
		`"[linux/amd64]" is no type: `:                          {Annotations: []string{"[linux/amd64]:a=b"}, Push: true},
		`the annotation a is for an index, and an image of one`: {Annotations: []string{"manifest,index:a=b"}, Push: true, Platforms: []string{"linux/amd64"}},
		`the annotation c is for an index`:                      {Outputs: []string{"type=oci,dest=x,annotation-index-descriptor.c=d"}, Provenance: "false"},
		`has no attestations: use --push`:                       {SBOM: "true", Outputs: []string{"type=docker,dest=x.tar"}},
	} {
		options.Tags = []string{"app:v1"}
		_, err := newRequest(t, options)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestAnIndexHasAnnotationsOfItsOwn(t *testing.T) {
	for name, options := range map[string]Options{
		"platforms":    {Platforms: []string{"linux/amd64", "linux/arm64"}},
		"attestations": {Provenance: "true"},
		"by build arg": {BuildArgs: []string{"BUILDKIT_MULTI_PLATFORM=1"}},
	} {
		options.Tags, options.Push, options.Annotations = []string{"app:v1"}, true, []string{"index:a=b"}
		if _, err := newRequest(t, options); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
