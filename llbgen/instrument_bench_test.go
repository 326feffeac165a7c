package llbgen

import (
	"fmt"
	"testing"

	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// BenchmarkInstrument shows that the time grows with the number of ops and no
// faster: ns/vertex stays what it is. One step in 21 compiles.
func BenchmarkInstrument(b *testing.B) {
	for _, ops := range []int{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprintf("ops=%d", ops), func(b *testing.B) {
			def := longStage(b, ops)
			first := instrument(b, def, InstrumentOptions{})
			opts := InstrumentOptions{Toolchains: map[digest.Digest]Toolchain{first.Steps[0].Digest: usualToolchain}}
			for b.Loop() {
				instrument(b, def, opts)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(def.Def)), "ns/vertex")
		})
	}
}

// longStage is a stage of that many steps and copies on one base image.
func longStage(t testing.TB, ops int) *pb.Definition {
	t.Helper()
	b, platform := newBuilder(), &pb.Platform{OS: "linux", Architecture: "amd64"}
	at := mustEncode(t, &pb.Op{Platform: platform, Op: &pb.Op_Source{Source: &pb.SourceOp{Identifier: "docker-image://docker.io/library/golang:1.26"}}})
	b.add(at, nil)
	next := func(op *pb.Op, name string) {
		op.Inputs, op.Platform = []*pb.Input{{Digest: string(at.digest)}}, platform
		at = mustEncode(t, op)
		b.add(at, &pb.OpMetadata{Description: map[string]string{"llb.customname": name}})
	}
	run := func(script string) {
		next(&pb.Op{Op: &pb.Op_Exec{Exec: &pb.ExecOp{
			Meta: &pb.Meta{
				Args: []string{"/bin/sh", "-c", script},
				Env:  []string{"PATH=/usr/local/go/bin:/usr/bin:/bin", "GOLANG_VERSION=1.26.8", "GOTOOLCHAIN=local"},
				Cwd:  "/src",
			},
			Mounts: []*pb.Mount{{Dest: pb.RootMount}},
		}}}, "RUN "+script)
	}
	for i := 1; len(b.def.Def) < ops; i++ {
		if i%21 == 1 {
			run(fmt.Sprintf("CGO_ENABLED=0 go build -ldflags='-s -w' -o /server%d ./cmd/c%d", i, i))
			continue
		}
		if i%2 == 0 {
			run(fmt.Sprintf("mkdir -p /d%d && chmod 700 /d%d", i, i))
			continue
		}
		next(&pb.Op{Op: &pb.Op_File{File: &pb.FileOp{Actions: []*pb.FileAction{{
			SecondaryInput: int64(pb.Empty),
			Action:         &pb.FileAction_Mkfile{Mkfile: &pb.FileActionMkFile{Path: fmt.Sprintf("/f%d", i), Mode: 0o644, Timestamp: -1}},
		}}}}}, "COPY")
	}
	def, err := b.finish(&pb.Input{Digest: string(at.digest)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return def
}
