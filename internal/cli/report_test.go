package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// derived is the builder of a command line, and results as builds leave them.
func derived(t *testing.T, args ...string) (*builder, []*result, *bytes.Buffer) {
	t.Helper()
	var stdout bytes.Buffer
	b := &builder{request: mustParse(t, environment{}, args...), streams: streams{out: &stdout}}
	var results []*result
	for _, p := range b.presets {
		results = append(results, &result{
			preset:   p,
			meta:     map[string][]byte{"dlvgen.plan": []byte(`{"delve":"1.27.2"}` + "\n"), "dlvgen.llb": []byte("tree\n")},
			response: map[string]string{"containerimage.digest": "sha256:" + p.Preset},
		})
	}
	return b, results, &stdout
}

func TestEachVariantIsPrintedByReferenceAndDigest(t *testing.T) {
	b, results, stdout := derived(t, "-t", "app:v1", "-t", "reg.example/app:v1", "--variant", "remote,remote-src", "--push")
	if err := b.report(results); err != nil {
		t.Fatal(err)
	}
	want := `app:v1-debug@sha256:remote
reg.example/app:v1-debug@sha256:remote
app:v1-debug-src@sha256:remote-src
reg.example/app:v1-debug-src@sha256:remote-src
`
	if diff := cmp.Diff(want, stdout.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDryRunPrintsThePlans(t *testing.T) {
	b, results, stdout := derived(t, "--dry-run", "--print-llb")
	if err := b.report(results); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("tree\n{\"delve\":\"1.27.2\"}\n", stdout.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestJSONHasOneRecordForEachTag(t *testing.T) {
	b, results, stdout := derived(t, "-t", "app:v1", "--format", "json", "--dry-run")
	results[0].response = nil
	if err := b.report(results); err != nil {
		t.Fatal(err)
	}
	var got []record
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Ref != "app:v1-debug" || got[0].Variant != "remote" || len(got[0].Plans) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestImageOnStdoutIsNotMixedWithText(t *testing.T) {
	b, results, stdout := derived(t, "-t", "app:v1", "-o", "type=oci,dest=-")
	if err := b.report(results); err != nil {
		t.Fatal(err)
	}
	if stdout.Len() != 0 {
		t.Errorf("stdout has %q beside the image", stdout)
	}
}

func TestMetadataFileHasBuildxsShapeByVariant(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.json")
	b, results, _ := derived(t, "-t", "app:v1", "--push", "--metadata-file", path)
	results[0].response["containerimage.descriptor"] = base64.StdEncoding.EncodeToString([]byte(`{"size":1}`))
	if err := b.report(results); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]any{"remote": {
		"containerimage.digest":     "sha256:remote",
		"containerimage.descriptor": map[string]any{"size": 1.0},
		"image.name":                "app:v1-debug",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
