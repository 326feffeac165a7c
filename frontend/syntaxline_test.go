//go:build !race

// See breakpoint_test.go for why.

package frontend_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
)

// writeDockerfile replaces that of a service.
func writeDockerfile(t *testing.T, service string, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(service, "Dockerfile"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func dockerfileOf(t *testing.T, service string) string {
	t.Helper()
	dt, err := os.ReadFile(filepath.Join(service, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	return string(dt)
}

// variantOf is the label of a pushed image, "" for production.
func variantOf(t *testing.T, reg *testenv.Registry, image string) string {
	t.Helper()
	img, err := reg.Image(deadline(t), image)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return config.Config.Labels[variants.LabelVariant]
}

// TestSyntaxLinesAndBuildArgsMeet has the Dockerfile name one frontend and the command line
// another, which counts alone, with its own options.
func TestSyntaxLinesAndBuildArgsMeet(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	dlvgen, dockerfile := testenv.FrontendImage(t), testenv.DockerfileImage(t)
	img, err := reg.Image(ctx, "dlvgen/dlvgen:test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reg.Push(ctx, "mirror/debugger:1", img); err != nil {
		t.Fatal(err)
	}
	mirror := reg.Ref("mirror/debugger:1")
	service := testenv.Service(t, "hello")
	text := dockerfileOf(t, service)
	push := reg.Ref("chain/hello:v1")
	stock, err := bk.Solve(ctx, testenv.Solve{Context: service, Push: push})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, line, arg string
		variant         string // "" for production
	}{
		{"dlvgen in both", dlvgen + " --variant=sidecar", dlvgen + " --variant=remote", "remote"},
		{"a build arg without options", dlvgen + " --variant=sidecar", dlvgen, ""},
		{"a mirror in both", mirror + " --variant=sidecar", mirror + " --variant=remote", "remote"},
		{"docker/dockerfile in the Dockerfile", "docker/dockerfile:1", dlvgen + " --variant=remote", "remote"},
		{"labs in the Dockerfile", "docker/dockerfile:1.7-labs", dlvgen + " --variant=remote", "remote"},
		{"docker/dockerfile in the build arg", dlvgen + " --variant=sidecar", dockerfile, ""},
		{"the line alone", dlvgen + " --variant=remote", "", "remote"},
	} {
		writeDockerfile(t, service, "# syntax="+tc.line+"\n"+text)
		attrs := map[string]string{}
		if tc.arg != "" {
			attrs["build-arg:BUILDKIT_SYNTAX"] = tc.arg
		}
		solved, err := bk.Solve(ctx, testenv.Solve{Context: service, Attrs: attrs, Push: push})
		if err != nil {
			t.Errorf("%s: %v\n%s", tc.name, err, solved)
			continue
		}
		if got := variantOf(t, reg, "chain/hello:v1"); got != tc.variant {
			t.Errorf("%s: the variant is %q, want %q", tc.name, got, tc.variant)
		}
		if tc.variant == "" && solved.Digest != stock.Digest {
			t.Errorf("%s: the image is %s, and production's %s", tc.name, solved.Digest, stock.Digest)
		}
	}
	// The command's own frontend reads the file of any of them.
	solved := mustDerive(ctx, t, bk, derivation{service: service, options: variant("attach"), push: push})
	if got := variantOf(t, reg, "chain/hello:v1"); got != "attach" {
		t.Errorf("in process: the variant is %q\n%s", got, solved)
	}
}

// labsDockerfile uses what came to Dockerfiles by the labs channel.
const labsDockerfile = `# syntax=docker/dockerfile:1
# check=skip=all
FROM golang:1.26 AS build
WORKDIR /src
COPY --parents --exclude=*.md go.mod main.go ./
RUN --network=none <<EOF
CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /server .
EOF

FROM scratch
COPY --from=build --link --chmod=755 /server /server
ENTRYPOINT ["/server"]
`
