package frontend_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
)

// TestAProgramWithCgoIsCompiledAgain in the image that a named context gives.
func TestAProgramWithCgoIsCompiledAgain(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	ctx := deadline(t)
	bk, reg, engine := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.SharedDocker(t)
	service := testenv.Service(t, "prebuilt")
	write(t, service, "Dockerfile", "FROM debian:bookworm-slim\nCOPY bin/server /server\nEXPOSE 12345\nENTRYPOINT [\"/server\"]\n")
	command(t, service, []string{"CGO_ENABLED=1"}, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", "bin/server", ".")
	program := filepath.Join(service, "bin", "server")
	if factsOf(t, program).Interpreter == "" {
		t.Fatal("the program is static")
	}
	const image = "rebuilt/cgo:v1-debug"
	d := derivation{
		service: service, options: rebuilding("remote", variants.RebuildContext), push: reg.Ref(image),
		attrs: map[string]string{"context:golang": "docker-image://golang:1.26"},
	}
	mustDerive(ctx, t, bk, d)
	hitOnce(ctx, t, start(ctx, t, engine, reg.Ref(image)), "/src/main.go")
	if r := planIn(t, treeOf(ctx, t, reg, image)[layout.Plan].data).Program.Rebuilt; r == nil || r.Image != "the named context golang" {
		t.Errorf("the plan records %+v", r)
	}

	// The same for another C library.
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	glibc := factsOf(t, program).Interpreter
	musl := "/lib/ld-musl.so.1" + strings.Repeat("\x00", len(glibc)-len("/lib/ld-musl.so.1"))
	if err := os.WriteFile(program, bytes.Replace(data, []byte(glibc), []byte(musl), 1), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	for image, want := range map[string]string{
		"":            "/server is linked for ld-musl.so.1, and the golang image has another C library: name an image with Go, a C compiler and musl with --rebuild-image",
		"golang:1.26": "/server was linked for ld-musl.so.1, and compiled again in golang:1.26 it is linked for " + filepath.Base(glibc) + ": name an image with Go and the C library of production with --rebuild-image",
		"absent:1":    "no image to rebuild /server in: resolving absent:1: ",
	} {
		d := derivation{service: service, options: rebuilding("remote", variants.RebuildContext)}
		d.options.RebuildImage = image
		if _, err := tryDerive(ctx, t, bk, d); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("in %q: the error is %v, want %q", image, err, want)
		}
	}
}
