package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestAttestationsGoWithEveryOutput writes two variants in every form that has a place for
// attestations.
func TestAttestationsGoWithEveryOutput(t *testing.T) {
	needBuildKit(t)
	testenv.Scanner(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	mustBuild(t, "-t", "app:v1", "--variant", "remote,sidecar", "--sbom", "true", "--provenance", "mode=max", "--annotation", "index,manifest:team=payments",
		"-o", at("files"), "-o", "type=tar,dest="+at("files.tar"), "-o", "type=oci,dest="+at("image.tar"), testenv.Service(t, "hello"))
	for variant, suffix := range map[string]string{"remote": "-debug", "sidecar": "-debug-sidecar"} {
		for _, name := range []string{"dlv", "sbom.spdx.json", "provenance.json"} {
			if _, err := os.Stat(filepath.Join(at("files"), variant, name)); err != nil {
				t.Error(err)
			}
		}
		sbom, err := os.ReadFile(filepath.Join(at("files"), variant, "sbom.spdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		// A sidecar has the symbols, and no program.
		if program := bytes.Contains(sbom, []byte(`"fileName": "server"`)); program != (variant == "remote") || !bytes.Contains(sbom, []byte("github.com/go-delve/delve")) {
			t.Errorf("the SBOM of %s is\n%s", variant, sbom)
		}
		files := entriesOf(t, at("files"+suffix+".tar"))
		if files["dlv"] == nil || files["sbom.spdx.json"] == nil || files["provenance.json"] == nil {
			t.Errorf("the files of %s are not all of it", variant)
		}
		checkLayout(t, entriesOf(t, at("image"+suffix+".tar")))
	}
}

// checkLayout looks for an annotated index of an image and its attestations.
func checkLayout(t *testing.T, files map[string][]byte) {
	t.Helper()
	blob := func(d v1.Descriptor) (m v1.IndexManifest) {
		t.Helper()
		if err := json.Unmarshal(files["blobs/"+strings.Replace(d.Digest.String(), ":", "/", 1)], &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	var layout v1.IndexManifest
	if err := json.Unmarshal(files["index.json"], &layout); err != nil {
		t.Fatal(err)
	}
	index := blob(layout.Manifests[0])
	attested := slices.ContainsFunc(index.Manifests, func(d v1.Descriptor) bool {
		return d.Annotations["vnd.docker.reference.type"] == "attestation-manifest"
	})
	if len(index.Manifests) != 2 || !attested || index.Annotations["team"] != "payments" || blob(index.Manifests[0]).Annotations["team"] != "payments" {
		t.Errorf("the image is %+v", index)
	}
}

// entriesOf are the files in a tar file.
func entriesOf(t *testing.T, path string) map[string][]byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for e, err := range testenv.Entries(f) {
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name] = e.Content
	}
	return files
}
