package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"

	"github.com/dlvgen/dlvgen/llbgen"
)

// instrumentings is how many are one sample.
const instrumentings = 5

// setInstrument makes definitions of so many ops.
func setInstrument(ops ...int) func(context.Context, *lab) (*bed, error) {
	return func(ctx context.Context, l *lab) (*bed, error) {
		b := &bed{lab: l, definitions: map[int]*pb.Definition{}}
		for _, n := range ops {
			def, err := longStage(ctx, n)
			if err != nil {
				return nil, err
			}
			b.definitions[n] = def
		}
		return b, nil
	}
}

// instrumented rewrites a definition of that many ops.
func instrumented(ops int) func(context.Context, *bed) (sample, error) {
	return func(_ context.Context, b *bed) (sample, error) {
		def := b.definitions[ops]
		opts := llbgen.InstrumentOptions{Tools: llbgen.ToolsIn(llb.Image("example.com/dlvgen:1"), "/tools"), Merges: true}
		first, err := llbgen.Instrument(def, opts)
		if err != nil {
			return sample{}, err
		}
		opts.Toolchains = map[digest.Digest]llbgen.Toolchain{first.Steps[0].Digest: {Programs: []string{"/usr/local/go/bin/go"}, ModCache: "/go/pkg/mod"}}
		start := time.Now()
		for range instrumentings {
			if _, err := llbgen.Instrument(def, opts); err != nil {
				return sample{}, err
			}
		}
		return sample{took: time.Since(start) / instrumentings, ops: ops}, nil
	}
}

// longStage is a stage of that many steps and copies on one base image, of which one in 21
// compiles.
func longStage(ctx context.Context, ops int) (*pb.Definition, error) {
	// Of an output alone: a state looks for its environment in all states before it.
	in := func(o llb.Output) llb.State {
		return llb.NewState(o).AddEnv("PATH", "/usr/local/go/bin:/usr/bin:/bin").AddEnv("GOLANG_VERSION", "1.26.8").AddEnv("GOTOOLCHAIN", "local").Dir("/src")
	}
	st := in(llb.Image("docker.io/library/golang:1.26").Output())
	for i := 1; i < ops; i++ {
		switch {
		case i%21 == 1:
			st = in(st.Run(llb.Shlexf("/bin/sh -c \"CGO_ENABLED=0 go build -ldflags='-s -w' -o /server%d ./cmd/c%d\"", i, i)).Root().Output())
		case i%2 == 0:
			st = in(st.Run(llb.Shlexf("/bin/sh -c \"mkdir -p /d%d && chmod 700 /d%d\"", i, i)).Root().Output())
		default:
			st = in(st.File(llb.Mkfile(fmt.Sprintf("/f%d", i), 0o644, nil)).Output())
		}
	}
	def, err := st.Marshal(ctx, llb.LinuxAmd64)
	if err != nil {
		return nil, err
	}
	return def.ToPB(), nil
}
