//go:build !race

// BuildKit resolves several base images at once, and writes one field from each
// (frontend/dockerfile/builder/resolvecache.go:30, v0.34.2).

package derive_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/derive/page"
)

var update = flag.Bool("update", false, "write the golden files")

// stages is a Dockerfile that has a bit of everything: stages that go on from others,
// copies between them, from images, linked ones, mounts, and steps that follow the compile.
const stages = `FROM golang:1.26 AS base
RUN apt-get update && apt-get install -y git
FROM base AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=bind,from=debian:bookworm-slim,target=/debian make VERSION="1.2 <beta> & more" server
FROM debian:bookworm-slim AS assets
COPY web/ /web/
RUN gzip -9 /web/index.html
FROM alpine:3
RUN apk add ca-certificates
COPY --from=build /src/server /usr/bin/server
COPY --link --from=assets /web /web
RUN chmod +x /usr/bin/server
ENTRYPOINT ["/usr/bin/server"]
`

// TestPicturesOfBuilds compares pictures with those in testdata/pictures.
func TestPicturesOfBuilds(t *testing.T) {
	hello := helloDockerfile(t)
	explained := map[string][]derive.Explanation{
		"stages":  {explain(t, stages, nil, request(t, "attach"))},
		"refused": {explain(t, "FROM debian:bookworm-slim\nCOPY . .\nCMD [\"python3\", \"app.py\"]\n", nil, request(t, "remote"))},
		"several": {explain(t, hello, nil, request(t, "remote")), explain(t, hello, nil, request(t, "sidecar"))},
	}
	for name, explanations := range explained {
		var svg, dot bytes.Buffer
		if err := page.WriteSVG(&svg, explanations); err != nil {
			t.Fatal(err)
		}
		if err := page.WriteDot(&dot, explanations); err != nil {
			t.Fatal(err)
		}
		golden(t, "../../testdata/pictures/"+name+".svg", svg.Bytes())
		golden(t, "../../testdata/pictures/"+name+".dot", dot.Bytes())
	}
}

// TestThePictureOfTheDocumentation compares the picture of docs/explain.md with what is drawn.
func TestThePictureOfTheDocumentation(t *testing.T) {
	var svg bytes.Buffer
	if err := page.WriteSVG(&svg, []derive.Explanation{explain(t, helloDockerfile(t), nil, request(t, "remote-src"))}); err != nil {
		t.Fatal(err)
	}
	golden(t, "../../docs/explain.svg", svg.Bytes())
}

func helloDockerfile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../testdata/services/hello/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is another picture; go test ./internal/derive -run Pictures -update writes\n%s", file, got)
	}
}
