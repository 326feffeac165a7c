package frontend_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
)

// anyGoDockerfile compiles with the Go that its build argument names. It has one
// base image, so that it is tested with the race detector too; see
// breakpoint_test.go.
const anyGoDockerfile = `ARG GO_VERSION=1.26
FROM golang:${GO_VERSION} AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /server .

FROM scratch
COPY --from=build /server /server
EXPOSE 12345
ENTRYPOINT ["/server"]
`

func TestProgramsOfEveryGoGetADelveThatDebugsThem(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	bk, reg, engine := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.SharedDocker(t)
	for _, c := range []struct{ golang, delve string }{
		{"1.18", "1.8.3"},
		{"1.21", "1.22.1"},
		{"1.24", "1.25.2"},
		{"1.26", "1.27.2"},
	} {
		t.Run(c.golang, func(t *testing.T) {
			ctx := deadline(t)
			if c.golang != "1.26" {
				testenv.OldGolang(t, c.golang)
			}
			image := "matrix/hello:go" + c.golang
			mustDerive(ctx, t, bk, derivation{
				service: anyGoService(t), options: variant("remote"), push: reg.Ref(image),
				attrs: map[string]string{"build-arg:GO_VERSION": c.golang},
			})
			img, err := reg.Image(ctx, image)
			if err != nil {
				t.Fatal(err)
			}
			config, err := img.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			if got := config.Config.Labels[variants.LabelDelve]; got != c.delve {
				t.Errorf("the image of a program of Go %s has Delve %s, want %s", c.golang, got, c.delve)
			}
			hitOverRPC(ctx, t, start(ctx, t, engine, reg.Ref(image), "--read-only"), "/src/main.go")
		})
	}
}

// anyGoService is hello with a go.mod that older toolchains take, none of which has packages
// compiled.
func anyGoService(t *testing.T) string {
	t.Helper()
	service := testenv.PlainService(t)
	for name, text := range map[string]string{"Dockerfile": anyGoDockerfile, "go.mod": "module example.com/hello\n\ngo 1.16\n"} {
		if err := os.WriteFile(filepath.Join(service, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return service
}
