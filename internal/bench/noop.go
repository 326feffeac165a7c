package bench

import (
	"context"
	"time"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// setNoop is for rebuilds that change nothing, by the command line and by the frontends'
// images.
func setNoop(ctx context.Context, l *lab) (*bed, error) {
	b, err := l.shared(hello(l.root, l.folder()))
	if err != nil {
		return nil, err
	}
	if b.stock, err = b.on.registry.PushDockerfileImage(ctx); err != nil {
		return nil, err
	}
	b.ours, err = l.frontend()
	return b, err
}

// rebuilt is a rebuild by the command line, pushed.
func rebuilt(variants string) func(context.Context, *bed) (sample, error) {
	return func(ctx context.Context, b *bed) (sample, error) {
		start := time.Now()
		err := b.on.derive(ctx, b.p, variants)
		return sample{took: time.Since(start)}, err
	}
}

// rebuiltByStock is one by docker/dockerfile's image.
func rebuiltByStock(ctx context.Context, b *bed) (sample, error) {
	return b.solveAgain(ctx, map[string]string{"build-arg:BUILDKIT_SYNTAX": b.stock})
}

// rebuiltByOurs is one by the frontend image, of production where the variant is "".
func rebuiltByOurs(variant string) func(context.Context, *bed) (sample, error) {
	return func(ctx context.Context, b *bed) (sample, error) {
		attrs := map[string]string{"build-arg:BUILDKIT_SYNTAX": b.ours}
		if variant != "" {
			attrs["build-arg:DLVGEN_VARIANT"] = variant
		}
		return b.solveAgain(ctx, attrs)
	}
}

func (b *bed) solveAgain(ctx context.Context, attrs map[string]string) (sample, error) {
	start := time.Now()
	err := b.on.solve(ctx, testenv.Solve{Context: b.p.dir, Attrs: attrs})
	return sample{took: time.Since(start)}, err
}
