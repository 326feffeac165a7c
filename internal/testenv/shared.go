package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// startLimit is how long a shared part may take to start: the first time on a
// machine, base images are made and programs built.
const startLimit = 15 * time.Minute

// shared holds the parts that all tests of a binary use.
var shared struct {
	mu         sync.Mutex
	main       bool // Main runs the tests, so it ends the parts
	registry   part[*Registry]
	buildkit   part[*BuildKit]
	another    part[*BuildKit]
	docker     part[*Docker]
	frontend   part[string]
	scanner    part[string]
	dockerfile part[string]
	closers    []func() error
}

// part is started once; a failure is kept.
type part[T any] struct {
	done  bool
	value T
	err   error
}

// Main runs a package's tests, ends the shared parts that they used, and exits.
func Main(m *testing.M) {
	shared.mu.Lock()
	shared.main = true
	shared.mu.Unlock()
	code := m.Run()
	if err := closeShared(); err != nil {
		fmt.Fprintln(os.Stderr, "testenv:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func closeShared() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	var errs []error
	for i := len(shared.closers) - 1; i >= 0; i-- {
		errs = append(errs, shared.closers[i]())
	}
	shared.closers = nil
	return errors.Join(errs...)
}

// SharedRegistry is the test binary's registry, with the base images in it. Its
// names are shared too: take one of the test's own for what the test pushes. For
// tests, golang:1.26 has much of the standard library compiled; benchmarks measure
// with what Docker Hub has.
func SharedRegistry(t testing.TB) *Registry {
	t.Helper()
	_, measured := t.(*testing.B)
	return take(t, &shared.registry, func(ctx context.Context) (*Registry, func() error, error) {
		reg, err := StartRegistry()
		if err != nil {
			return nil, nil, err
		}
		bases, err := reg.store.baseImages(ctx)
		if err == nil && !measured {
			bases, err = reg.store.withCompiledGolang(ctx, bases)
		}
		if err == nil {
			err = reg.pushBases(ctx, bases)
		}
		if err != nil {
			return nil, nil, errors.Join(err, reg.Close())
		}
		return reg, reg.Close, nil
	})
}

// SharedBuildKit is the test binary's buildkitd, in which the base images
// resolve. Its cache may hold what earlier tests built; a test that cares takes
// EmptyBuildKit.
func SharedBuildKit(t testing.TB) *BuildKit {
	t.Helper()
	return sharedBuildKit(t, &shared.buildkit, claimState)
}

// AnotherBuildKit is a second buildkitd of the test binary, for tests that compare what
// two builders make. It has nothing of any other's cache: from an image that somebody else
// compressed, a layer would have another digest.
func AnotherBuildKit(t testing.TB) *BuildKit {
	t.Helper()
	return sharedBuildKit(t, &shared.another, func() (string, func(), error) { return "", func() {}, nil })
}

// sharedBuildKit starts a part with the state that claim locks, until it is released.
func sharedBuildKit(t testing.TB, p *part[*BuildKit], claim func() (dir string, release func(), err error)) *BuildKit {
	t.Helper()
	reg := SharedRegistry(t)
	_, measured := t.(*testing.B)
	return take(t, p, func(ctx context.Context) (*BuildKit, func() error, error) {
		state, release, err := claim()
		if err != nil {
			return nil, nil, err
		}
		bk, err := StartBuildKit(ctx, BuildKitOptions{Registry: reg, StateDir: state, Large: !measured})
		if err != nil {
			release()
			return nil, nil, err
		}
		closed := func() error { defer release(); return bk.Close() }
		if !measured {
			if err := bk.fillCache(ctx, reg); err != nil {
				return nil, nil, errors.Join(err, closed())
			}
		}
		return bk, closed, nil
	})
}

// EmptyBuildKit starts a buildkitd of the test's own, with nothing in its cache.
func EmptyBuildKit(t testing.TB) *BuildKit {
	t.Helper()
	reg := SharedRegistry(t)
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	bk, err := StartBuildKit(ctx, BuildKitOptions{Registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bk.Close(); err != nil {
			t.Error(err)
		}
	})
	return bk
}

// SharedDocker is the test binary's Docker Engine.
func SharedDocker(t testing.TB) *Docker {
	t.Helper()
	return take(t, &shared.docker, func(ctx context.Context) (*Docker, func() error, error) {
		d, err := StartDocker(ctx)
		if err != nil {
			return nil, nil, err
		}
		return d, d.Close, nil
	})
}

func take[T any](t testing.TB, p *part[T], start func(context.Context) (T, func() error, error)) T {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if !shared.main {
		t.Fatal("a shared part needs func TestMain(m *testing.M) { testenv.Main(m) } in this package")
	}
	if !p.done {
		ctx, cancel := context.WithTimeout(context.Background(), startLimit)
		defer cancel()
		var closer func() error
		p.value, closer, p.err = start(ctx)
		p.done = true
		if p.err == nil {
			shared.closers = append(shared.closers, closer)
		}
	}
	if p.err != nil {
		t.Fatal(p.err)
	}
	return p.value
}
