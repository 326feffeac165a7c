package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// named are the images of other registries that a Dockerfile builds on or copies
// from, as their FROM lines and --from options have them once build arguments are in.
func named(ctx context.Context, r row, checkouts string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(r.dir(checkouts), r.Path))
	if err != nil {
		return nil, err
	}
	args, target := r.buildArgs()
	platform := ocispecs.Platform{OS: "linux", Architecture: runtime.GOARCH}
	folder, caps := llb.Local("context"), pb.Caps.CapSet(pb.Caps.All())
	asked := &askedFor{}
	_, err = dockerfile2llb.Dockerfile2LLB(ctx, text, dockerfile2llb.ConvertOpt{
		Config:         dockerui.Config{BuildArgs: args, Target: target, BuildPlatforms: []ocispecs.Platform{platform}},
		MainContext:    &folder,
		TargetPlatform: &platform,
		MetaResolver:   asked,
		LLBCaps:        &caps,
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", r.Path, err)
	}
	slices.Sort(asked.names)
	return slices.Compact(asked.names), nil
}

// askedFor notes the images whose configuration a Dockerfile needs.
type askedFor struct {
	mu    sync.Mutex
	names []string
}

// ResolveImageConfig implements llb.ImageMetaResolver.
func (a *askedFor) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	name, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", "", nil, err
	}
	a.mu.Lock()
	a.names = append(a.names, reference.FamiliarString(name))
	a.mu.Unlock()
	config, err := json.Marshal(ocispecs.Image{
		Platform: ocispecs.Platform{OS: "linux", Architecture: runtime.GOARCH},
		Config:   ocispecs.ImageConfig{Env: []string{"PATH=" + systemPath, "GOPATH=/go"}},
	})
	return ref, "", config, err
}

// families are the targets of standins/Dockerfile by what the repository's part of an
// image's name contains; the first that fits.
var families = []struct{ part, target string }{
	{"tonistiigi/xx", "xx"},
	{"grpc-health-probe", "grpc-health-probe"},
	{"paketobuildpacks", "paketo"},
	{"keda-tools", "golang"},
	{"distroless/static", "static"},
	{"chainguard/static", "static"},
	{"distroless/nodejs", "node"},
	{"distroless", "debian"},
	{"golang", "golang"},
	{"go-builder", "golang"},
	{"chainguard/go", "golang"},
	{"cilium-builder", "golang"},
	{"photoprism/develop", "golang"},
	{"vault-builder", "golang"},
	{"node", "node"},
	{"busybox", "busybox"},
	{"alpine", "alpine"},
	{"debian", "debian"},
	{"ubuntu", "debian"},
	{"cuda", "debian"},
	{"ubi", "debian"},
}

// standIn is the stand-in for an image: a target of standins/Dockerfile and the
// release of Go that it has to have, "" for any or none.
type standIn struct{ target, release string }

// standInFor picks the stand-in of an image's family; anything that is of none is
// taken to be a Debian.
func standInFor(image string) (standIn, error) {
	ref, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return standIn{}, err
	}
	var tag string
	if tagged, ok := ref.(reference.Tagged); ok {
		tag = tagged.Tag()
	}
	s := standIn{target: "debian"}
	name := reference.FamiliarName(ref)
	for _, f := range families {
		if strings.Contains(name, f.part) {
			s.target = f.target
			break
		}
	}
	switch {
	case s.target == "golang":
		if s.release = goRelease(tag); strings.Contains(tag, "alpine") {
			s.target = "golang-alpine"
		}
	case s.target == "static" && strings.Contains(tag, "nonroot"):
		s.target = "static-nonroot"
	case s.target == "busybox" && strings.Contains(tag, "glibc"):
		s.target = "alpine" // which here has glibc, and the commands that Debian's busybox lacks
	case s.target == "debian" && strings.Contains(tag, "nonroot"):
		s.target = "debian-nonroot"
	}
	return s, nil
}

// releases are those that golang tags of a minor version get.
var releases = map[string]string{
	"1.17": "1.17.13", "1.18": "1.18.10", "1.19": "1.19.13", "1.20": "1.20.14", "1.21": "1.21.13",
	"1.22": "1.22.12", "1.23": "1.23.12", "1.24": "1.24.13", "1.25": "1.25.12", "1.27": "1.27.0",
}

// goRelease is the release that a golang image's tag names, "" where the machine's
// own Go does: it is of the same minor version, or the tag names none.
func goRelease(tag string) string {
	version, _, _ := strings.Cut(tag, "-")
	parts := strings.Split(version, ".")
	own := strings.Split(strings.TrimPrefix(runtime.Version(), "go"), ".")
	if len(parts) < 2 || parts[0] != "1" || parts[1] == own[1] {
		return ""
	}
	if release, ok := releases[strings.Join(parts[:2], ".")]; ok {
		return release
	}
	return version
}

// tag is the name under which the stand-in is pushed.
func (s standIn) tag() string {
	if s.release == "" {
		return path.Join("standin", s.target) + ":latest"
	}
	return path.Join("standin", s.target) + ":" + s.release
}
