package main

import (
	"cmp"
	"context"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// hollow is a stand-in's configuration without its files: all that explaining needs.
func (s standIn) hollow() v1.Config {
	config := v1.Config{Env: []string{"PATH=" + systemPath}, Cmd: []string{"bash"}}
	switch s.target {
	case "golang", "golang-alpine":
		release := cmp.Or(s.release, strings.TrimPrefix(runtime.Version(), "go"))
		config.Env = []string{"PATH=/go/bin:/usr/local/go/bin:" + systemPath, "GOLANG_VERSION=" + release, "GOTOOLCHAIN=local", "GOPATH=/go"}
		config.WorkingDir = "/go"
	case "alpine", "busybox":
		config.Cmd = []string{"/bin/sh"}
	case "node":
		config.Cmd = []string{"node"}
	case "static", "static-nonroot", "xx":
		config.Cmd = nil
	}
	if strings.HasSuffix(s.target, "nonroot") {
		config.User = "65532"
	}
	return config
}

// pushHollow pushes an image of the configuration alone.
func (m *machine) pushHollow(ctx context.Context, s standIn) (string, error) {
	file, err := empty.Image.ConfigFile()
	if err != nil {
		return "", err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", runtime.GOARCH, s.hollow()
	img, err := mutate.ConfigFile(empty.Image, file)
	if err != nil {
		return "", err
	}
	_, err = m.registry.Push(ctx, s.tag(), img)
	return m.registry.Ref(s.tag()), err
}
