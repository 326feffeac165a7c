package main

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/llbgen"
)

func TestTheListIsWhole(t *testing.T) {
	root, err := testenv.RepoRoot()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := readList(filepath.Join(root, "testdata", "corpus", "list.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 85 {
		t.Errorf("the list has %d Dockerfiles, want 85", len(rows))
	}
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.name()] {
			t.Errorf("%s %s is listed twice, or has another's name", r.Repository, r.Path)
		}
		seen[r.name()] = true
		if len(r.Commit) != 12 || r.Answer == "" || r.Answer == "?" {
			t.Errorf("%s %s has commit %q and answer %q", r.Repository, r.Path, r.Commit, r.Answer)
		}
	}
}

func TestEveryPathMakesAnImageReference(t *testing.T) {
	for path, want := range map[string]string{
		"Dockerfile":               "owner-name-dockerfile",
		".docker/Dockerfile":       "owner-name-docker-dockerfile",
		"build/.ci/x86_64.Docker":  "owner-name-build-ci-x86_64.docker",
		"a..b/_c/D+E/-/Dockerfile": "owner-name-a-b-c-d-e-dockerfile",
		"Ünï/Dockerfile.":          "owner-name-n-dockerfile",
	} {
		got := row{Repository: "Owner/.Name", Path: path}.name()
		if _, err := reference.ParseNormalizedNamed("127.0.0.1:5000/corpus/" + got + ":v1"); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", path, got, err, want)
		}
	}
}

func TestImagesHaveStandInsOfTheirFamily(t *testing.T) {
	for image, want := range map[string]standIn{
		"golang":                        {target: "golang"},
		"golang:1.18-alpine":            {"golang-alpine", releases["1.18"]},
		"golang:1.27":                   {"golang", releases["1.27"]},
		"golang:alpine3.23":             {target: "golang-alpine"},
		"alpine:3.22":                   {target: "alpine"},
		"node:lts-alpine":               {target: "node"},
		"gcr.io/distroless/static":      {target: "static"},
		"gcr.io/distroless/base:latest": {target: "debian"},
		"gcr.io/distroless/static:nonroot@sha256:f7f8f729987ad0fdf6b05eeeae94b26e6a0f613bdf46feea7fc40f7bd72953e6": {target: "static-nonroot"},
		"quay.io/prometheus/busybox-linux-amd64": {target: "busybox"},
		"busybox:stable-glibc":                   {target: "alpine"},
		"example.com/anything:v1":                {target: "debian"},
	} {
		got, err := standInFor(image)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", image, got, err, want)
		}
	}
}

func TestImagesAreNamedWithBuildArguments(t *testing.T) {
	dir := t.TempDir()
	text := "ARG TAG=1\nFROM golang:${TAG} AS build\nRUN --mount=from=example.com/tools:v1,target=/t make\nFROM unused\nFROM alpine\nCOPY --from=build /a /a\nCOPY --from=nats:2 /b /b\n"
	if err := os.MkdirAll(filepath.Join(dir, "x+y"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x+y", "Dockerfile"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	names, err := named(context.Background(), row{Repository: "x/y", Path: "Dockerfile", Flags: []string{"--build-arg", "TAG=1.26"}}, dir)
	if want := []string{"alpine:latest", "example.com/tools:v1", "golang:1.26", "nats:2"}; err != nil || !reflect.DeepEqual(names, want) {
		t.Errorf("it names %q, %v; want %q", names, err, want)
	}
}

func TestAnswersHaveTheListsForm(t *testing.T) {
	for want, e := range map[string]derive.Explanation{
		"/server 3,9": {Program: "/server", Steps: []llbgen.Surveyed{
			{Treatment: llbgen.TreatmentInstrumented, Line: 3}, {Treatment: llbgen.TreatmentCached, Line: 5}, {Treatment: llbgen.TreatmentInstrumented, Line: 9},
		}},
		"? ":               {},
		"refused: no step": {Refusal: "no step"},
	} {
		if got := answerOf(e); got != want {
			t.Errorf("the answer is %q, want %q", got, want)
		}
	}
}

func TestTheTableCounts(t *testing.T) {
	rows := []row{
		{Repository: "a/a", Path: "Dockerfile"}, {Repository: "b/b", Path: "Dockerfile", Hindrance: "a step clones"},
		{Repository: "c/c", Path: "Dockerfile"}, {Repository: "d/d", Path: "Dockerfile"}, {Repository: "e/e", Path: "Dockerfile"},
	}
	known := &results{rows: map[string]result{
		rows[0].name(): {Explained: "/a 3", Derived: "main.go:5"},
		rows[1].name(): {Explained: "? 4"},
		rows[2].name(): {Explained: "refused: /c is | copied\nfrom x"},
		rows[3].name(): {Explained: "/d 3", Wrong: "want /d 3,4", Derived: "main.go:6"},
		rows[4].name(): {Explained: "/e 3", Wrong: "want /f 3"},
	}}
	var b strings.Builder
	if err := writeTable(&b, rows, known); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| a/a | Dockerfile | breakpoint hit | /a; steps with the stand-in for go: lines 3, stopped at main.go:5 |",
		"| b/b | Dockerfile | explained | a build tells which program; steps with the stand-in for go: lines 4; not buildable here: a step clones |",
		`| c/c | Dockerfile | refused | /c is \| copied from x |`,
		`| d/d | Dockerfile | breakpoint hit | stopped at main.go:6; explained as "/d 3", want /d 3,4 |`,
		"| e/e | Dockerfile | explained wrongly | /e 3 want /f 3 |",
		"2 breakpoint hit. 1 explained. 1 refused. 1 explained wrongly.",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
}
