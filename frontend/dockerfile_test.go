//go:build !race

// See breakpoint_test.go for why.

package frontend_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// dockerfiles compile hello in ways that people call Go in. Each ends with the
// program at /server.
var dockerfiles = map[string]string{
	"absolute path": `FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 /usr/local/go/bin/go build -trimpath -ldflags="-s -w" -o /server .
`,
	"toolchain in a place of its own": `FROM golang:1.26 AS go
FROM debian:bookworm-slim AS build
COPY --from=go /usr/local/go /opt/go
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 /opt/go/bin/go build -ldflags="-s -w" -o /server .
`,
	"exec form": `FROM golang:1.26 AS build
WORKDIR /src
COPY . .
ENV CGO_ENABLED=0
RUN ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", "/server", "."]
`,
	"here document": `FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN <<EOF
set -eu
export CGO_ENABLED=0
go build -ldflags '-s -w' -o /server .
EOF
`,
	"another shell": `FROM golang:1.26 AS build
SHELL ["/bin/bash", "-eo", "pipefail", "-c"]
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 bash -c 'go build -ldflags "-s -w" -o /server .' | cat
`,
	"flags in ENV": `FROM golang:1.26 AS build
ENV GOFLAGS="-trimpath -ldflags=-s" CGO_ENABLED=0
WORKDIR /src
COPY . .
RUN go build -o /server .
`,
	"flags in ARG": `FROM golang:1.26 AS build
ARG LDFLAGS="-s -w -X main.unused=1"
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -ldflags "$LDFLAGS" -gcflags="all=-l=4" -o /server .
`,
	"install": `FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 GOBIN=/ go install -ldflags=-w . && mv /hello /server
`,
	"caches of its own": `FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -o /server .
`,
	"bound sources": `FROM golang:1.26 AS build
WORKDIR /src
RUN --mount=type=bind,target=/src CGO_ENABLED=0 go build -trimpath -o /server .
`,
	"a user of its own": `FROM golang:1.26 AS build
RUN useradd --create-home builder && mkdir /out && chown builder /out
USER builder
WORKDIR /home/builder/src
COPY --chown=builder . .
RUN CGO_ENABLED=0 go build -ldflags="-s -w" -o /out/server .
USER root
RUN mv /out/server /server
`,
	"a program that builds": `FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN mkdir /tool && printf 'package main\nimport ("os";"os/exec")\nfunc main() {\n c := exec.Command("go", "build", "-ldflags=-s -w", "-o", "/server", ".")\n c.Stdout, c.Stderr, c.Env = os.Stdout, os.Stderr, append(os.Environ(), "CGO_ENABLED=0")\n if c.Run() != nil { os.Exit(1) }\n}\n' >/tool/build.go
RUN go run /tool/build.go
`,
	"strip behind the compile": `FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -o /server . && strip --strip-all /server && /server -version >/dev/null 2>&1 || true
`,
	"strip in another stage": `FROM golang:1.26 AS compile
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -o /out .
FROM debian:bookworm AS build
COPY --from=compile /out /in
RUN strip -s -o /server /in && test -x /server
`,
	"objcopy": `FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -o /out . && objcopy --strip-debug /out /server
`,
	"a packer that is installed on the way": `FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -ldflags="-s -w" -o /server . && if command -v upx; then upx --best --lzma /server; fi
`,
	"one stage": `FROM golang:1.26
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -ldflags="-s -w" -o /server .
`,
}

func TestDockerfilesAsPeopleWriteThem(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	bk := testenv.SharedBuildKit(t)
	for name, dockerfile := range dockerfiles {
		t.Run(name, func(t *testing.T) {
			service := testenv.Service(t, "hello")
			text := dockerfile
			if strings.Contains(text, "AS build") {
				text += "FROM scratch\nCOPY --from=build /server /server\n"
			}
			text += "ENTRYPOINT [\"/server\"]\n"
			if err := os.WriteFile(filepath.Join(service, "Dockerfile"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			mustDerive(deadline(t), t, bk, derivation{service: service, options: variant("remote-src")})
		})
	}
}
