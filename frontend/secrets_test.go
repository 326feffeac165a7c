//go:build !race

// See breakpoint_test.go for why.

package frontend_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/testenv"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
)

// secretSources is a service with files of secret mounts among its sources.
const secretSources = `
-- Dockerfile --
FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN --mount=type=secret,id=plain,target=/src/plain.go \
    --mount=type=secret,id=linked,target=/run/secrets/linked \
    --mount=type=secret,id=overlaid,target=/run/secrets/overlaid \
    --mount=type=secret,id=gomod,target=/run/secrets/go.mod \
    --mount=type=tmpfs,target=/src/made \
    --mount=type=bind,source=bound,target=/src/mounted \
    ln -s /run/secrets/linked linked/linked.go && \
    printf 'package made // SECRET\n\nconst Made = 1\n' >made/made.go && \
    CGO_ENABLED=1 go build -modfile=/run/secrets/go.mod -overlay=overlay.json -o /server .

FROM debian:bookworm-slim
COPY --from=build /server /server
ENTRYPOINT ["/server"]
-- .dockerignore --
Dockerfile
-- go.mod --
module example.com/secrets

go 1.26
-- overlay.json --
{"Replace": {"overlaid/overlaid.go": "/run/secrets/overlaid"}}
-- main.go --
package main

import (
	"fmt"

	"example.com/secrets/c"
	"example.com/secrets/linked"
	"example.com/secrets/made"
	"example.com/secrets/mounted"
	"example.com/secrets/overlaid"
)

func main() { fmt.Println(Plain, linked.Linked, made.Made, mounted.Mounted, overlaid.Overlaid, c.Twice(2)) }
-- linked/doc.go --
// Package linked has a file that is a link.
package linked
-- overlaid/overlaid.go --
package overlaid
-- bound/bound.go --
package mounted

const Mounted = 1
-- c/c.go --
package c

// #include "twice.h"
import "C"

func Twice(i int) int { return int(C.twice(C.int(i))) }
-- c/twice.h --
#include "deeper.h"
-- c/deeper.h --
int twice(int);
-- c/twice.c --
#include "twice.h"
int twice(int i) { return 2 * i; }
-- c/keys.h --
// SECRET
-- c/keys_plan9.s --
// SECRET
-- made/keep.txt --
-- keys.h --
// SECRET
-- keys.S --
// SECRET
-- embedded.txt --
SECRET
`

// withSecrets adds files to a build's session, by their ids.
func withSecrets(files map[string]string) []session.Attachable {
	values := map[string][]byte{}
	for id, text := range files {
		values[id] = []byte(strings.ReplaceAll(text, "SECRET", secretMark))
	}
	return []session.Attachable{secretsprovider.FromMap(values)}
}

func TestWhatLiesOnASecretMountIsInNoImage(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	const image = "secrets/sources:v1-debug-src"
	mustDerive(ctx, t, bk, derivation{
		service: writeService(t, secretSources), options: variant("remote-src"), push: reg.Ref(image),
		session: withSecrets(map[string]string{
			"plain":    "package main // SECRET\n\nconst Plain = 1\n",
			"linked":   "package linked // SECRET\n\nconst Linked = 1\n",
			"overlaid": "package overlaid // SECRET\n\nconst Overlaid = 1\n",
			"gomod":    "module example.com/secrets // SECRET\n\ngo 1.26\n",
		}),
	})
	if where := filesWith(ctx, t, reg, image, secretMark); len(where) != 0 {
		t.Errorf("the image has the secret in %q", where)
	}
	files := treeOf(ctx, t, reg, image)
	for _, name := range []string{
		"/src/main.go", "/src/go.mod", "/src/linked/doc.go", "/src/mounted/bound.go",
		"/src/c/c.go", "/src/c/twice.h", "/src/c/deeper.h", "/src/c/twice.c",
	} {
		if f, ok := files[name]; !ok || len(f.data) == 0 {
			t.Errorf("%s is not among the baked sources", name)
		}
	}
	var left []string
	for _, l := range planIn(t, files[layout.Plan].data).LeftOut {
		left = append(left, l.Path+": "+strings.TrimSuffix(l.Reason, ", which is neither a bind nor a cache mount"))
	}
	want := []string{
		"/run/secrets/go.mod: it lies on the mount /run/secrets/go.mod",
		"/src/linked/linked.go: it lies on the mount /run/secrets/linked",
		"/src/made/made.go: it lies on the mount /src/made",
		"/src/overlaid/overlaid.go: it lies on the mount /run/secrets/overlaid",
		"/src/plain.go: it lies on the mount /src/plain.go",
	}
	if !slices.Equal(left, want) {
		t.Errorf("the plan lists as left out\n%s\nwant\n%s", strings.Join(left, "\n"), strings.Join(want, "\n"))
	}
}

// filesWith lists what has the text in a pushed image: the config, and the entries of
// the layers, also those that a later layer hides.
func filesWith(ctx context.Context, t *testing.T, reg *testenv.Registry, image, text string) []string {
	t.Helper()
	img, err := reg.Image(ctx, image)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	if bytes.Contains(config, []byte(text)) {
		found = append(found, "the config")
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		found = append(found, entriesWith(t, l, text)...)
	}
	return found
}

func entriesWith(t *testing.T, layer v1.Layer, text string) []string {
	t.Helper()
	files, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for h, err := range testenv.Entries(files) {
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(h.Content, []byte(text)) || strings.Contains(h.Name+h.Linkname, text) {
			found = append(found, h.Name)
		}
	}
	return found
}

// stampedDockerfile links a secret into the program and then strips that, which is
// refused.
const stampedDockerfile = `
-- Dockerfile --
FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN --mount=type=secret,id=key CGO_ENABLED=0 GOFLAGS="-ldflags=-X=main.other=$(cat /run/secrets/key)" \
    go build -ldflags "-s -X 'main.key=$(cat /run/secrets/key)' -X main.plain=1" -o /server . && /usr/bin/strip /server

FROM scratch
COPY --from=build /server /server
ENTRYPOINT ["/server"]
-- go.mod --
module example.com/stamped

go 1.26
-- main.go --
package main

var key, other, plain string

func main() { println(len(key), len(other), len(plain)) }
`

func TestARefusalPrintsNoValueThatIsLinkedIn(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	var refusal *derive.RefusalError // BuildKit's answer has its text alone
	solved, err := tryDerive(ctx, t, bk, derivation{
		service: writeService(t, stampedDockerfile), options: variant("remote"), push: reg.Ref("secrets/stamped:v1-debug"),
		session: withSecrets(map[string]string{"key": "SECRET"}),
		wrap: func(build gateway.BuildFunc) gateway.BuildFunc {
			return func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
				res, err := build(ctx, c)
				errors.As(err, &refusal)
				return res, err
			}
		},
	})
	if refusal == nil {
		t.Fatalf("the build ended with %v, want a refusal\n%s", err, solved.Log)
	}
	told, err := json.Marshal(refusal.Explanation)
	if err != nil {
		t.Fatal(err)
	}
	if text := refusal.Error() + string(told) + solved.Log; strings.Contains(text, secretMark) {
		t.Errorf("the refusal tells the secret: %s", text)
	}
	calls := refusal.Explanation.Calls
	if len(calls) != 1 {
		t.Fatalf("%d calls, want one: %s", len(calls), told)
	}
	for _, words := range [][]string{calls[0].Before, calls[0].After, {calls[0].GoflagsBefore}} {
		if line := strings.Join(words, " "); !strings.Contains(line, "main.") || !strings.Contains(line, "=<sha256:") {
			t.Errorf("%q does not name the variables", line)
		}
	}
}
