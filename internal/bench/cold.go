package bench

import (
	"context"
	"errors"
	"time"
)

// setCold is for builds on builders of their own.
func setCold(make func(context.Context, *lab) (*program, error)) func(context.Context, *lab) (*bed, error) {
	return func(ctx context.Context, l *lab) (*bed, error) {
		p, err := make(ctx, l)
		return &bed{lab: l, p: p}, err
	}
}

// warmEdits is how many edits follow a cold build.
const warmEdits = 3

// cold takes a new builder, which has the base images and nothing else (no modules, no
// compiled packages, no layers in the registry), through one build and the edits after it.
func cold(edits int, build func(context.Context, *bed) error) func(context.Context, *bed) (sample, error) {
	return func(ctx context.Context, b *bed) (s sample, err error) {
		on, end, err := b.lab.newParts(ctx)
		defer func() { err = errors.Join(err, end()) }()
		if err != nil {
			return s, err
		}
		if err := pushMinifluxBases(ctx, on.registry); err != nil {
			return s, err
		}
		b.on = on
		build := func() error { return build(ctx, b) }
		if s, err = on.timed(b.p, build); err != nil {
			return s, err
		}
		var times []float64
		for range edits {
			after, err := on.timed(b.p, build)
			if err != nil {
				return s, err
			}
			times = append(times, after.took.Seconds())
			s.thenSent = after.sent
		}
		s.then = time.Duration(median(times) * float64(time.Second))
		return s, nil
	}
}

func coldMiniflux(ctx context.Context, l *lab) (*program, error) { return miniflux(ctx, l.folder()) }

func coldHello(_ context.Context, l *lab) (*program, error) { return hello(l.root, l.folder()) }

// deriving builds variants.
func deriving(variants string) func(context.Context, *bed) error {
	return func(ctx context.Context, b *bed) error { return b.on.derive(ctx, b.p, variants) }
}

// producing builds the production image.
func producing(ctx context.Context, b *bed) error { return b.on.produce(ctx, b.p) }

// byHand builds what tutorials write for the variants.
func byHand(ctx context.Context, b *bed) error { return b.on.tutorial(ctx, b.lab.root, b.p) }
