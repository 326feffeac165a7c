//go:build !race

// See breakpoint_test.go for why.

package frontend_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/moby/buildkit/client"
)

// scannedDockerfile has the context and the stage that compiles scanned beside the image.
const scannedDockerfile = "ARG BUILDKIT_SBOM_SCAN_CONTEXT=true BUILDKIT_SBOM_SCAN_STAGE=build\n" + crossDockerfile

// TestAttestationsAreOfTheDebugImage compares what is attached with what BuildKit's own
// frontend attaches to production.
func TestAttestationsAreOfTheDebugImage(t *testing.T) {
	t.Parallel()
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk := testenv.SharedBuildKit(t)
	testenv.Scanner(t)
	syntax := testenv.FrontendImage(t)
	service := testenv.Service(t, "hello")
	if err := os.WriteFile(filepath.Join(service, "Dockerfile"), []byte(scannedDockerfile), 0o600); err != nil {
		t.Fatal(err)
	}
	const sbom, provenance = "attest:sbom", "attest:provenance"
	build := func(way string, attrs map[string]string) (string, *testenv.Solved) {
		t.Helper()
		dir := t.TempDir()
		exports := []client.ExportEntry{{Type: client.ExporterLocal, OutputDir: dir}}
		attrs[sbom], attrs[provenance] = "", "mode=max"
		var solved *testenv.Solved
		var err error
		if way == "in process" {
			solved, err = tryDerive(ctx, t, bk, derivation{service: service, options: variant("remote"), attrs: attrs, exports: exports})
		} else {
			solved, err = bk.Solve(ctx, testenv.Solve{Context: service, Attrs: attrs, Exports: exports})
		}
		if err != nil {
			t.Fatalf("%s: %v\n%s%s", way, err, solved, solved.Log)
		}
		return dir, solved
	}
	gateway := map[string]string{"build-arg:BUILDKIT_SYNTAX": syntax, "build-arg:DLVGEN_VARIANT": "remote"}
	production, _ := build("production", map[string]string{})
	want := documents(t, production)
	if !slices.Equal(want, []string{"sbom-build.spdx.json", "sbom-context.spdx.json", "sbom.spdx.json"}) {
		t.Fatalf("production has the documents %q", want)
	}

	debug, solved := build("gateway", gateway)
	checkScanned(t, debug, want)
	if compiles := count(solved, "go build"); compiles != 1 {
		t.Errorf("%d steps compile:\n%s", compiles, solved)
	}
	p := provenanceIn(t, debug)
	if p.Build.External.Request.Frontend != "gateway.v0" || p.Build.External.Request.Args["source"] != syntax || p.Build.External.Config.Path != "Dockerfile" {
		t.Errorf("the provenance names %+v", p.Build.External)
	}
	for _, image := range []string{"/dlvgen/dlvgen@test", "/golang@1.26", "/docker/buildkit-syft-scanner@stable-1"} {
		if !slices.ContainsFunc(p.Build.Resolved, func(r resource) bool { return strings.Contains(r.URI, image) && r.Digest["sha256"] != "" }) {
			t.Errorf("the provenance has no %s among %+v", image, p.Build.Resolved)
		}
	}

	both, _ := build("in process", map[string]string{"platform": "linux/amd64,linux/arm64"})
	for _, platform := range []string{"linux_amd64", "linux_arm64"} {
		dir := filepath.Join(both, platform)
		checkScanned(t, dir, want)
		if locals := provenanceIn(t, dir).Build.External.Request.Locals; len(locals) == 0 {
			t.Errorf("the provenance for %s names no inputs", platform)
		}
	}
}

// count is how many steps have the word in their names.
func count(solved *testenv.Solved, word string) int {
	n := 0
	for _, v := range solved.Vertices {
		if strings.Contains(v.Name, word) {
			n++
		}
	}
	return n
}

// documents are the names of the SBOMs in a folder.
func documents(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.spdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range paths {
		names = append(names, filepath.Base(path))
	}
	return names
}

// checkScanned compares an exported image with its SBOMs.
func checkScanned(t *testing.T, dir string, want []string) {
	t.Helper()
	if got := documents(t, dir); !slices.Equal(got, want) {
		t.Errorf("%s has the documents %q, want %q", dir, got, want)
	}
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && filepath.Ext(path) != ".json" || d.Name() == "plan.json" {
			files = append(files, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	image := scanned(t, filepath.Join(dir, "sbom.spdx.json"))
	if !slices.Equal(image, files) || !slices.Contains(image, "dlv") || !slices.Contains(image, "server") {
		t.Errorf("the SBOM lists %q, and the image has %q", image, files)
	}
	if stage := scanned(t, filepath.Join(dir, "sbom-build.spdx.json")); !slices.Contains(stage, "src/main.go") {
		t.Errorf("the SBOM of the stage lists %d files, and not src/main.go", len(stage))
	}
	if context := scanned(t, filepath.Join(dir, "sbom-context.spdx.json")); !slices.Contains(context, "main.go") {
		t.Errorf("the SBOM of the context lists %q", context)
	}
}

// scanned are the files that an SBOM lists.
func scanned(t *testing.T, path string) []string {
	t.Helper()
	var doc struct {
		Predicate struct {
			Files []struct{ FileName string }
		}
	}
	readJSON(t, path, &doc)
	var names []string
	for _, f := range doc.Predicate.Files {
		names = append(names, f.FileName)
	}
	return names
}

// slsa is the provenance of an image, as far as it is looked at here.
type slsa struct {
	Build struct {
		External struct {
			Config  struct{ Path string } `json:"configSource"`
			Request struct {
				Frontend string
				Args     map[string]string
				Locals   []struct{ Name string }
			}
		} `json:"externalParameters"`
		Resolved []resource `json:"resolvedDependencies"`
	} `json:"buildDefinition"`
}

type resource struct {
	URI    string
	Digest map[string]string
}

func provenanceIn(t *testing.T, dir string) slsa {
	t.Helper()
	var doc struct{ Predicate slsa }
	readJSON(t, filepath.Join(dir, "provenance.json"), &doc)
	return doc.Predicate
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	dt, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(dt, into); err != nil {
		t.Fatal(err)
	}
}
