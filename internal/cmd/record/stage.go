package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/moby/buildkit/client"
)

const (
	image = "hello:v1"
	// port is the program's on this machine. It is in the picture, so it is always the same.
	port = "8080"
)

// stage is what the session happens on.
type stage struct {
	state  string // of everything that the session leaves behind
	folder string // the service's: a copy
	docker *testenv.Docker
	builds *testenv.BuildKit

	closers []func() error
}

// newStage starts the daemons and gives Docker Engine the production image. The stage is to
// be closed even where there is an error.
func newStage(ctx context.Context) (*stage, error) {
	s := &stage{}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return s, fmt.Errorf("the program of the session needs the port: %w", err)
	}
	if err := listener.Close(); err != nil {
		return s, err
	}
	if s.state, err = os.MkdirTemp("", "dlvgen-record-*"); err != nil {
		return s, err
	}
	s.closers = append(s.closers, func() error { return os.RemoveAll(s.state) })
	root, err := testenv.RepoRoot()
	if err != nil {
		return s, err
	}
	s.folder = filepath.Join(s.state, "hello")
	if err := os.CopyFS(s.folder, os.DirFS(filepath.Join(root, "testdata", "services", "hello"))); err != nil {
		return s, err
	}
	if err := s.start(ctx); err != nil {
		return s, err
	}
	return s, s.load(ctx)
}

// start starts a registry with base images, BuildKit, and Docker Engine where none runs.
func (s *stage) start(ctx context.Context) error {
	registry, err := testenv.StartRegistry()
	if err != nil {
		return err
	}
	s.closers = append(s.closers, registry.Close)
	if err := registry.PushBaseImages(ctx); err != nil {
		return err
	}
	if s.docker, err = testenv.StartDocker(ctx); err != nil {
		return err
	}
	s.closers = append(s.closers, s.docker.Close)
	if s.builds, err = testenv.StartBuildKit(ctx, testenv.BuildKitOptions{Registry: registry}); err != nil {
		return err
	}
	s.closers = append(s.closers, s.builds.Close)
	return nil
}

// load builds the production image and loads it into Docker Engine.
func (s *stage) load(ctx context.Context) error {
	file := filepath.Join(s.state, "image.tar")
	solved, err := s.builds.Solve(ctx, testenv.Solve{Context: s.folder, Exports: []client.ExportEntry{{
		Type: client.ExporterDocker, Attrs: map[string]string{"name": image},
		Output: func(map[string]string) (io.WriteCloser, error) { return os.Create(file) },
	}}})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, solved.Log)
	}
	_, err = s.docker.CLI(ctx, "load", "--input", file)
	s.closers = append(s.closers, func() error {
		_, err := s.docker.CLI(context.WithoutCancel(ctx), "rm", "--force", container)
		return err
	})
	return err
}

// close ends what was started, the last one first.
func (s *stage) close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	return errors.Join(errs...)
}
