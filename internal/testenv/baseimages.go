package testenv

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// certificatesPath is where Debian, Alpine and Go look for the CA bundle,
// relative to the root.
const certificatesPath = "etc/ssl/certs/ca-certificates.crt"

const (
	systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	golangPath = "/go/bin:/usr/local/go/bin:" + systemPath
)

// baseImage is an image and the names under which it is served, without the
// registry's host.
type baseImage struct {
	names  []string
	layers []layer
	config v1.Config
}

// baseImages makes the images that test Dockerfiles start from. They stand in
// for the ones of Docker Hub, gcr.io and cgr.dev of the same names.
func (s store) baseImages(ctx context.Context) ([]baseImage, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()

	certificates, err := machineCertificates()
	if err != nil {
		return nil, err
	}
	root, tools, err := s.debianLayers(ctx, certificates)
	if err != nil {
		return nil, err
	}
	trust, err := s.entries([]entry{
		{name: "etc/ssl/certs", mode: fs.ModeDir | 0o755},
		{name: certificatesPath, mode: 0o644, text: certificates},
		// update-ca-certificates rewrites the bundle, from these among others.
		{name: "usr/local/share/ca-certificates", mode: fs.ModeDir | 0o755},
		{name: "usr/local/share/ca-certificates/machine.crt", mode: 0o644, text: certificates},
	})
	if err != nil {
		return nil, err
	}
	golang, env, err := s.golangLayer(ctx)
	if err != nil {
		return nil, err
	}
	apk, err := s.entries([]entry{standInApk})
	if err != nil {
		return nil, err
	}
	alpine, err := s.alpineLayer(ctx)
	if err != nil {
		return nil, err
	}
	static, err := s.entries(distrolessEntries(certificates))
	if err != nil {
		return nil, err
	}
	path := []string{"PATH=" + systemPath}
	goEnv := append([]string{"PATH=" + golangPath, "GOLANG_VERSION=" + strings.TrimPrefix(runtime.Version(), "go"), "GOTOOLCHAIN=local", "GOPATH=/go"}, env...)
	goConfig := v1.Config{Env: goEnv, WorkingDir: "/go", Cmd: []string{"bash"}}
	return []baseImage{
		{[]string{"library/golang:1.26", "library/golang:1.26-bookworm", "library/golang:latest"}, []layer{root, tools, trust, golang}, goConfig},
		{[]string{"library/golang:1.26-alpine", "library/golang:alpine"}, []layer{root, tools, trust, golang, apk}, goConfig},
		// Without the trust layer: Debian's own slim image has no certificates either.
		{[]string{"library/debian:bookworm-slim", "library/debian:bookworm"}, []layer{root}, v1.Config{Env: path, Cmd: []string{"bash"}}},
		{[]string{"library/alpine:3", "library/alpine:latest"}, []layer{alpine, trust}, v1.Config{Env: path, Cmd: []string{"/bin/sh"}}},
		{[]string{"library/busybox:latest"}, []layer{alpine}, v1.Config{Env: path, Cmd: []string{"sh"}}},
		{[]string{"distroless/static:latest", "distroless/static-debian12:latest"}, []layer{static}, distrolessConfig("0", "/")},
		{[]string{"distroless/static:nonroot", "distroless/static-debian12:nonroot"}, []layer{static}, distrolessConfig("65532", "/home/nonroot")},
		{[]string{"chainguard/static:latest"}, []layer{static}, distrolessConfig("65532", "/home/nonroot")},
	}, nil
}

// image assembles the layers and the config. It has no creation time, so the
// same layers give the same digest.
func (b baseImage) image() (v1.Image, error) {
	var layers []v1.Layer
	for _, l := range b.layers {
		layers = append(layers, l)
	}
	img, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", b.names[0], err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", b.names[0], err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config = "linux", runtime.GOARCH, b.config
	return mutate.ConfigFile(img, config)
}

// entries is a layer of small files, kept under the digest of its tar.
func (s store) entries(entries []entry) (layer, error) {
	var tar bytes.Buffer
	if err := writeEntries(&tar, entries); err != nil {
		return layer{}, err
	}
	return s.layer(layerKey("entries", tar.String()), func(w io.Writer) error {
		_, err := w.Write(tar.Bytes())
		return err
	})
}

// golangLayer is the machine's own toolchain as the official image has it, and
// the environment that lets it reach the machine's module proxy.
func (s store) golangLayer(ctx context.Context) (layer, []string, error) {
	out, err := output(ctx, "/", nil, "go", "env", "-json", "GOROOT", "GOVERSION", "GOPROXY", "GOSUMDB")
	if err != nil {
		return layer{}, nil, fmt.Errorf("making the golang image: %w", err)
	}
	var goenv struct{ GOROOT, GOVERSION, GOPROXY, GOSUMDB string }
	if err := json.Unmarshal([]byte(out), &goenv); err != nil {
		return layer{}, nil, fmt.Errorf("making the golang image: %w", err)
	}
	env := []string{"GOPROXY=" + goenv.GOPROXY, "GOSUMDB=" + goenv.GOSUMDB}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	l, err := s.layer(layerKey("golang", "2", runtime.GOARCH, goenv.GOVERSION, goenv.GOROOT), rootTar{
		dir: goenv.GOROOT, prefix: "usr/local/go",
		keep: func(rel string, _ fs.FileInfo) bool {
			// Half of the tree's files are tests that no build reads.
			return !slices.Contains([]string{"test", "api", "doc", ".git"}, rel) && filepath.Base(rel) != "testdata" && !strings.HasSuffix(rel, "_test.go")
		},
	}.write)
	return l, env, err
}

// machineCertificates is the CA bundle that the machine's own programs trust.
func machineCertificates() ([]byte, error) {
	file := os.Getenv("SSL_CERT_FILE")
	if file == "" {
		file = "/" + certificatesPath
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the machine's certificates: %w; install ca-certificates", err)
	}
	return text, nil
}
