package bench

import (
	"context"
	"time"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// setMiniflux is for edits of miniflux, also of the container that runs it.
func setMiniflux(ctx context.Context, l *lab) (*bed, error) {
	b, err := l.shared(miniflux(ctx, l.folder()))
	if err != nil {
		return nil, err
	}
	if err := pushMinifluxBases(ctx, b.on.registry); err != nil {
		return nil, err
	}
	b.ko, err = l.ko()
	return b, err
}

// setHello is for edits of a small service.
func setHello(_ context.Context, l *lab) (*bed, error) {
	b, err := l.shared(hello(l.root, l.folder()))
	if err != nil {
		return nil, err
	}
	b.ko, err = l.ko()
	return b, err
}

// setWide is for edits of one file of the wide program.
func setWide(file string) func(context.Context, *lab) (*bed, error) {
	return func(_ context.Context, l *lab) (*bed, error) { return l.shared(wide(l.folder(), file)) }
}

// bare is the floor: the compile of the same edit on the host.
func bare(ctx context.Context, b *bed) (sample, error) {
	return b.on.timed(b.p, func() error { return compile(ctx, b.p) })
}

// derived is an edit to pushed debug images.
func derived(variants string) func(context.Context, *bed) (sample, error) {
	return func(ctx context.Context, b *bed) (sample, error) {
		return b.on.timed(b.p, func() error { return b.on.derive(ctx, b.p, variants) })
	}
}

// byKo is an edit to ko's pushed debug image.
func byKo(flags ...string) func(context.Context, *bed) (sample, error) {
	return func(ctx context.Context, b *bed) (sample, error) {
		return b.on.timed(b.p, func() error {
			_, err := b.ko.build(ctx, b.p, flags...)
			return err
		})
	}
}

// produced is an edit to production's pushed image, by docker/dockerfile.
func produced(ctx context.Context, b *bed) (sample, error) {
	return b.on.timed(b.p, func() error { return b.on.produce(ctx, b.p) })
}

// derivedStep is derived, with what the compile's step takes of it.
func derivedStep(variants string) func(context.Context, *bed) (sample, error) {
	return func(ctx context.Context, b *bed) (sample, error) {
		taken, s, err := b.takeApart(ctx, variants)
		if err == nil {
			s.step, err = compileStep(taken)
		}
		return s, err
	}
}

// plainStep compiles the same edit in a step that has no part of dlvgen.
func plainStep(ctx context.Context, b *bed) (sample, error) {
	var step time.Duration
	s, err := b.on.timed(b.p, func() error {
		solved, err := b.on.buildkit.Solve(ctx, testenv.Solve{Context: b.p.dir, Dockerfile: plainDockerfileName})
		if err != nil {
			return err
		}
		run, err := solved.Step("RUN", "go build")
		if err != nil {
			return err
		}
		step = run.Completed.Sub(*run.Started)
		return nil
	})
	s.step = step
	return s, err
}
