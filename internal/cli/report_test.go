package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/google/go-cmp/cmp"
)

// reported is what a command line prints, for results as builds leave them, which change
// may change.
func reported(t *testing.T, change func(*bake.Result), args ...string) string {
	t.Helper()
	flags, r := mustParse(t, args...)
	var results []*bake.Result
	for _, asked := range flags.Variants {
		res := &bake.Result{
			Image:    bake.Image{Request: asked},
			Metadata: map[string][]byte{"dlvgen.plan": []byte(`{"delve":"1.27.2"}` + "\n"), "dlvgen.llb": []byte("tree\n")},
			Response: map[string]string{"containerimage.digest": "sha256:" + asked.Preset},
		}
		for _, name := range flags.Tags {
			ref, err := registry.Parse(name + asked.Variant.Suffix)
			if err != nil {
				t.Fatal(err)
			}
			res.Refs = append(res.Refs, ref)
		}
		if change != nil {
			change(res)
		}
		results = append(results, res)
	}
	var stdout bytes.Buffer
	if err := (streams{out: &stdout}).report(flags, r, results); err != nil {
		t.Fatal(err)
	}
	return stdout.String()
}

func TestEachVariantIsPrintedByReferenceAndDigest(t *testing.T) {
	got := reported(t, nil, "-t", "app:v1", "-t", "reg.example/app:v1", "--variant", "remote,remote-src", "--push")
	want := `app:v1-debug@sha256:remote
reg.example/app:v1-debug@sha256:remote
app:v1-debug-src@sha256:remote-src
reg.example/app:v1-debug-src@sha256:remote-src
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDryRunPrintsThePlans(t *testing.T) {
	if diff := cmp.Diff("tree\n{\"delve\":\"1.27.2\"}\n", reported(t, nil, "--dry-run", "--print-llb")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestJSONHasOneRecordForEachTag(t *testing.T) {
	stdout := reported(t, func(res *bake.Result) { res.Response = nil }, "-t", "app:v1", "--format", "json", "--dry-run")
	var got []record
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Ref != "app:v1-debug" || got[0].Variant != "remote" || len(got[0].Plans) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestImageOnStdoutIsNotMixedWithText(t *testing.T) {
	if stdout := reported(t, nil, "-t", "app:v1", "-o", "type=oci,dest=-"); stdout != "" {
		t.Errorf("stdout has %q beside the image", stdout)
	}
}

func TestMetadataFileHasBuildxsShapeByVariant(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.json")
	reported(t, func(res *bake.Result) {
		res.Response["containerimage.descriptor"] = base64.StdEncoding.EncodeToString([]byte(`{"size":1}`))
	}, "-t", "app:v1", "--push", "--metadata-file", path)
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
