package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/moby/buildkit/solver/pb"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// lab has what the groups measure with. Each part is started when the first group asks.
type lab struct {
	root, dir string // of the repository, and of what is made here
	dlvgen    string // path of the program that users run
	progress  io.Writer

	parts    func() (parts, error) // a builder and a registry that groups share
	ko       func() (*ko, error)
	frontend func() (string, error) // the frontend image in the shared registry
	docker   func() (*testenv.Docker, error)

	programs int
	closers  []func() error
}

func newLab(ctx context.Context, progress io.Writer) (*lab, error) {
	root, err := testenv.RepoRoot()
	if err != nil {
		return nil, err
	}
	l := &lab{root: root, dlvgen: filepath.Join(root, "bin", "dlvgen"), progress: progress}
	if _, err := os.Stat(l.dlvgen); err != nil {
		return nil, fmt.Errorf("no bin/dlvgen to measure: run make build first: %w", err)
	}
	if l.dir, err = os.MkdirTemp("", "dlvgen-bench-*"); err != nil {
		return nil, err
	}
	l.closers = append(l.closers, func() error { return os.RemoveAll(l.dir) })
	l.parts = sync.OnceValues(func() (parts, error) {
		on, end, err := l.newParts(ctx)
		l.closers = append(l.closers, end)
		return on, err
	})
	l.ko = sync.OnceValues(func() (*ko, error) {
		on, err := l.parts()
		if err != nil {
			return nil, err
		}
		return newKo(ctx, filepath.Join(l.dir, "ko"), on.uploads.Host)
	})
	l.frontend = sync.OnceValues(func() (string, error) {
		on, err := l.parts()
		if err != nil {
			return "", err
		}
		return on.registry.PushFrontendImage(ctx)
	})
	l.docker = sync.OnceValues(func() (*testenv.Docker, error) {
		d, err := testenv.StartDocker(ctx)
		if err == nil {
			l.closers = append(l.closers, d.Close)
		}
		return d, err
	})
	return l, nil
}

// close ends what was started, the last first.
func (l *lab) close() error {
	var errs []error
	for i := len(l.closers) - 1; i >= 0; i-- {
		errs = append(errs, l.closers[i]())
	}
	return errors.Join(errs...)
}

// folder is a new one, for one program.
func (l *lab) folder() string {
	l.programs++
	return filepath.Join(l.dir, fmt.Sprintf("program%d", l.programs))
}

func (l *lab) say(format string, args ...any) { fmt.Fprintf(l.progress, format+"\n", args...) }

// bed is what the ways of a group run on.
type bed struct {
	lab    *lab
	on     parts // not of groups whose ways start parts of their own
	p      *program
	ko     *ko
	engine *testenv.Docker

	image   string   // that containers are started from
	command []string // of the image

	stock, ours string // frontend images
	services    string // folder of a bake file
	definitions map[int]*pb.Definition
	larger      *bed // the same with a larger program

	closers []func() error
}

func (b *bed) close() error {
	var errs []error
	for _, c := range b.closers {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// shared is a bed on the shared parts, for a program.
func (l *lab) shared(p *program, err error) (*bed, error) {
	if err != nil {
		return nil, err
	}
	on, err := l.parts()
	return &bed{lab: l, on: on, p: p}, err
}
