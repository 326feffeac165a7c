package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/opencontainers/go-digest"
	"github.com/tonistiigi/fsutil"
)

// Solve is one build.
type Solve struct {
	// Context is the folder of the build context.
	Context string

	// Dockerfile is a path relative to Context; empty means "Dockerfile".
	Dockerfile string

	// Frontend is "dockerfile.v0", BuildKit's own, where it is empty; "gateway.v0"
	// takes the frontend image from Attrs["source"].
	Frontend string

	// Build runs as the frontend, in this process; Frontend is then not used.
	Build gateway.BuildFunc

	// Attrs are options of the frontend: "build-arg:X", "target", "no-cache".
	Attrs map[string]string

	// Push is the reference that the image is pushed to; empty exports nothing.
	Push string

	// Exports are used in place of an image when set.
	Exports []client.ExportEntry

	// Locals are file systems that the build may load beside its context, by name.
	Locals map[string]fsutil.FS

	// CacheTo and CacheFrom are caches beside the builder's own.
	CacheTo, CacheFrom []client.CacheOptionsEntry

	// Session is added to the build's session: secrets, SSH agents.
	Session []session.Attachable
}

// Solved is what a build returned.
type Solved struct {
	// Digest is that of the pushed image or index, "" where nothing was pushed.
	Digest string

	// Response is the exporter's answer.
	Response map[string]string

	// Vertices are the steps in the order in which they were first reported.
	Vertices []*client.Vertex

	// Log is what the steps printed.
	Log string

	// Warnings are the short texts of what the frontend warned of.
	Warnings []string
}

// Solve runs a build. Solved is never nil: after a failure it holds what was
// reported until then.
func (b *BuildKit) Solve(ctx context.Context, s Solve) (*Solved, error) {
	solved := &Solved{}
	opt, err := s.options()
	if err != nil {
		return solved, err
	}
	c, err := b.Client(ctx)
	if err != nil {
		return solved, err
	}
	defer c.Close()

	status := make(chan *client.SolveStatus)
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		solved.collect(status)
	}()
	var res *client.SolveResponse
	if s.Build != nil {
		res, err = c.Build(ctx, opt, "", s.Build, status)
	} else {
		res, err = c.Solve(ctx, nil, opt, status)
	}
	<-collected
	if err != nil {
		return solved, fmt.Errorf("building %s: %w", s.Context, err)
	}
	solved.Response = res.ExporterResponse
	solved.Digest = res.ExporterResponse["containerimage.digest"]
	return solved, nil
}

func (s Solve) options() (client.SolveOpt, error) {
	dockerfile := s.Dockerfile
	if dockerfile == "" {
		dockerfile = "Dockerfile"
	}
	attrs := map[string]string{"filename": filepath.Base(dockerfile)}
	maps.Copy(attrs, s.Attrs)
	frontend := s.Frontend
	if frontend == "" {
		frontend = "dockerfile.v0"
	}
	if s.Build != nil {
		frontend = ""
	}
	files, err := fsutil.NewFS(s.Context)
	if err != nil {
		return client.SolveOpt{}, fmt.Errorf("building %s: %w", s.Context, err)
	}
	folder, err := fsutil.NewFS(filepath.Join(s.Context, filepath.Dir(dockerfile)))
	if err != nil {
		return client.SolveOpt{}, fmt.Errorf("building %s: %w", s.Context, err)
	}
	exports := s.Exports
	if exports == nil && s.Push != "" {
		exports = []client.ExportEntry{{Type: client.ExporterImage, Attrs: map[string]string{"name": s.Push, "push": "true", "registry.insecure": "true"}}}
	}
	locals := map[string]fsutil.FS{"context": files, "dockerfile": folder}
	maps.Copy(locals, s.Locals)
	return client.SolveOpt{
		Frontend:      frontend,
		FrontendAttrs: attrs,
		LocalMounts:   locals,
		Exports:       exports,
		CacheExports:  s.CacheTo,
		CacheImports:  s.CacheFrom,
		Session:       append([]session.Attachable{authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{})}, s.Session...),
	}, nil
}

// collect keeps the last state of each vertex.
func (s *Solved) collect(status <-chan *client.SolveStatus) {
	index := map[digest.Digest]int{}
	var log bytes.Buffer
	for st := range status {
		for _, v := range st.Vertexes {
			if i, ok := index[v.Digest]; ok {
				s.Vertices[i] = v
				continue
			}
			index[v.Digest] = len(s.Vertices)
			s.Vertices = append(s.Vertices, v)
		}
		for _, l := range st.Logs {
			log.Write(l.Data)
		}
		for _, w := range st.Warnings {
			s.Warnings = append(s.Warnings, string(w.Short))
		}
	}
	s.Log = log.String()
}

// Step finds the one step whose name contains all of the words.
func (s *Solved) Step(words ...string) (*client.Vertex, error) {
	var found []*client.Vertex
	for _, v := range s.Vertices {
		if containsAll(v.Name, words) {
			found = append(found, v)
		}
	}
	if len(found) != 1 {
		return nil, errors.New(fmt.Sprintf("%d steps are named %q, want one, among:\n", len(found), words) + s.String())
	}
	return found[0], nil
}

// String lists the steps with their outcome, one a line.
func (s *Solved) String() string {
	var b strings.Builder
	for _, v := range s.Vertices {
		outcome := "run"
		switch {
		case v.Error != "":
			outcome = "error"
		case v.Cached:
			outcome = "cached"
		case v.Completed == nil:
			outcome = "unfinished"
		}
		fmt.Fprintf(&b, "%-10s %s\n", outcome, v.Name)
	}
	return b.String()
}

func containsAll(text string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}
