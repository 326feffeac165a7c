package shim

import (
	"path/filepath"
	"testing"
)

// differently has environments of one call, each of which compiles something else.
var differently = []environ{
	nil, {"CGO_ENABLED=0"}, {"GOAMD64=v3"}, {"GOEXPERIMENT=fieldtrack"}, {"GOARCH=arm", "GOARM=6"}, {"GOARCH=arm", "GOARM=7"}, {"GOARCH=arm64", "GOARM64=v9.0"},
	{"GOARCH=386", "GO386=softfloat"}, {"GOARCH=386"}, {"GOFIPS140=latest"}, {"CC=gcc -O1"}, {"CXX=g++ -O1"}, {"CGO_CFLAGS=-O1"}, {"CGO_CPPFLAGS=-DX"}, {"CGO_CXXFLAGS=-O1"},
	{"CGO_LDFLAGS=-lm"}, {"PKG_CONFIG=/x"}, {"GOFLAGS=-tags=x"}, {"GOFLAGS=-ldflags=-X=main.v=1"}, {"GOFLAGS=-ldflags=-X=main.v=2"}, {"GO_EXTLINK_ENABLED=1"},
}

func TestTheSameCallInAnotherEnvironmentHasAnotherRecord(t *testing.T) {
	step := Step{Executable: filepath.Join(testRoot, "goroot", "bin", "go"), Real: filepath.Join(testRoot, "real")}
	tc, err := step.findToolchain()
	if err != nil {
		t.Fatal(err)
	}
	base := environ{"PATH=/bin:/usr/bin", "HOME=" + t.TempDir(), "GOENV=off", "GOTOOLCHAIN=local"}
	seen := map[string]environ{}
	for _, env := range differently {
		id := ""
		for range 2 {
			whole := append(append(environ{}, base...), env...)
			f, err := step.readFacts(t.Context(), tc, "", tc.environ(whole))
			if err != nil {
				t.Fatalf("%q: %v", env, err)
			}
			again := build{facts: f, before: []string{"build"}, dir: "/src"}.id(nil)
			if id != "" && again != id {
				t.Errorf("%q: one call has the records %s and %s", env, id, again)
			}
			id = again
		}
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %q have one record", env, other)
		}
		seen[id] = env
	}
}

func TestCallsThatCompileDifferentlyAreAllRecorded(t *testing.T) {
	root, capture := hello(t, nil), t.TempDir()
	for _, call := range []struct{ env, ldflags string }{
		{"CGO_ENABLED=1", "-buildid="}, {"CGO_ENABLED=0", "-buildid="}, {"CGO_ENABLED=0", "-buildid= -X main.v=1"}, {"CGO_ENABLED=0", "-buildid= -X main.v=2"},
	} {
		r := runGo(t, root, []string{call.env, stepCapture + "=" + capture}, "build", "-ldflags="+call.ldflags, "-o", "bin/app")
		if r.code != 0 {
			t.Fatalf("%v: exit code %d: %s", call, r.code, r.stderr)
		}
	}
	records, err := filepath.Glob(filepath.Join(ownFolder(capture), "builds", "*.json"))
	if err != nil || len(records) != 4 {
		t.Errorf("4 calls left the records %q, %v", records, err)
	}
}
