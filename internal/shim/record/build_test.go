package record

import (
	"os/exec"
	"testing"

	"github.com/dlvgen/dlvgen/internal/shim/environ"
	"github.com/dlvgen/dlvgen/internal/shim/step"
	"github.com/dlvgen/dlvgen/internal/shim/toolchain"
)

// differently has environments of one call, each of which compiles something else.
var differently = []environ.Environ{
	nil, {"CGO_ENABLED=0"}, {"GOAMD64=v3"}, {"GOEXPERIMENT=fieldtrack"}, {"GOARCH=arm", "GOARM=6"}, {"GOARCH=arm", "GOARM=7"}, {"GOARCH=arm64", "GOARM64=v9.0"},
	{"GOARCH=386", "GO386=softfloat"}, {"GOARCH=386"}, {"GOFIPS140=latest"}, {"CC=gcc -O1"}, {"CXX=g++ -O1"}, {"CGO_CFLAGS=-O1"}, {"CGO_CPPFLAGS=-DX"}, {"CGO_CXXFLAGS=-O1"},
	{"CGO_LDFLAGS=-lm"}, {"PKG_CONFIG=/x"}, {"GOFLAGS=-tags=x"}, {"GOFLAGS=-ldflags=-X=main.v=1"}, {"GOFLAGS=-ldflags=-X=main.v=2"}, {"GO_EXTLINK_ENABLED=1"},
}

func TestTheSameCallInAnotherEnvironmentHasAnotherRecord(t *testing.T) {
	path, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	tc := toolchain.Toolchain{Path: path}
	base := environ.Environ{"PATH=/bin:/usr/bin", "HOME=" + t.TempDir(), "GOENV=off", "GOTOOLCHAIN=local"}
	seen := map[string]environ.Environ{}
	for _, env := range differently {
		id := ""
		for range 2 {
			whole := append(append(environ.Environ{}, base...), env...)
			f, err := tc.Facts(t.Context(), step.Step{}, "", tc.Environ(whole))
			if err != nil {
				t.Fatalf("%q: %v", env, err)
			}
			again := Build{Facts: f, Before: []string{"build"}, dir: "/src"}.id(nil)
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
