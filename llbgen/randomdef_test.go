//go:build !race

package llbgen

import (
	"math"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// choices makes decisions out of a fuzzer's bytes. Without bytes it takes the first
// of everything.
type choices struct{ bytes []byte }

// below is a number from 0 to n-1.
func (c *choices) below(n int) int {
	if len(c.bytes) == 0 {
		return 0
	}
	b := c.bytes[0]
	c.bytes = c.bytes[1:]
	return int(b) % n
}

func oneOf[T any](c *choices, list ...T) T { return list[c.below(len(list))] }

// maxOps bounds a random definition: BuildKit names a merge after all that goes into
// it, twice what goes in twice.
const maxOps = 14

// randomDefinition is a graph of ops as no client would write it, every input among the
// ops before.
func randomDefinition(t *testing.T, c *choices) *pb.Definition {
	t.Helper()
	b := newBuilder()
	var made []string
	for range 1 + c.below(maxOps) {
		op := &pb.Op{Platform: randomPlatform(c)}
		if len(made) > 0 {
			for range c.below(3) {
				op.Inputs = append(op.Inputs, randomInput(c, made))
			}
		}
		randomOperation(c, op)
		v := mustEncode(t, op)
		b.add(v, randomMetadata(c))
		made = append(made, string(v.digest))
	}
	def, err := b.finish(randomInput(c, made), randomMetadata(c))
	if err != nil {
		t.Fatal(err)
	}
	if c.below(2) == 1 {
		def.Source = &pb.Source{Locations: map[string]*pb.Locations{}, Infos: []*pb.SourceInfo{{Filename: "Dockerfile"}}}
		for _, dgst := range append(made, "sha256:of something else") {
			line := &pb.Range{Start: oneOf(c, &pb.Position{Line: 3}, nil)}
			def.Source.Locations[dgst] = &pb.Locations{Locations: []*pb.Location{{Ranges: []*pb.Range{line}}}}
		}
	}
	return def
}

func randomInput(c *choices, made []string) *pb.Input {
	return &pb.Input{Digest: made[len(made)-1-c.below(len(made))], Index: int64(c.below(3))}
}

// randomPlatform is mostly one that dlvgen has its tools for.
func randomPlatform(c *choices) *pb.Platform {
	if c.below(32) == 31 {
		return &pb.Platform{OS: "linux", Architecture: "s390x"}
	}
	return oneOf(c,
		&pb.Platform{OS: "linux", Architecture: "amd64"}, nil, &pb.Platform{OS: "linux", Architecture: "arm64"}, &pb.Platform{},
		&pb.Platform{OS: "windows", Architecture: "amd64"},
	)
}

func randomMetadata(c *choices) *pb.OpMetadata {
	return oneOf(c,
		&pb.OpMetadata{Description: map[string]string{"llb.customname": "RUN something"}}, nil, &pb.OpMetadata{IgnoreCache: true},
		&pb.OpMetadata{ProgressGroup: &pb.ProgressGroup{Id: "a"}, Caps: map[string]bool{string(pb.CapExecMetaBase): true}},
	)
}

// randomOperation fills in the op's operation. One in ten is none.
func randomOperation(c *choices, op *pb.Op) {
	switch c.below(10) {
	case 0, 1, 2, 3:
		op.Op = &pb.Op_Exec{Exec: randomExec(c, len(op.Inputs))}
	case 4, 5:
		op.Op = &pb.Op_File{File: randomFile(c, len(op.Inputs))}
	case 6:
		op.Inputs = nil
		op.Op = &pb.Op_Source{Source: &pb.SourceOp{
			Identifier: oneOf(c, "docker-image://docker.io/library/golang:1.26", "local://context", "git://example.com/x", "", "oci-layout://x"),
			Attrs:      oneOf(c, nil, map[string]string{"local.unique": "a", "local.session": "b"}),
		}}
	case 7:
		merge := &pb.MergeOp{}
		for range op.Inputs {
			merge.Inputs = append(merge.Inputs, &pb.MergeInput{Input: randomIndex(c, len(op.Inputs))})
		}
		op.Op = &pb.Op_Merge{Merge: merge}
	case 8:
		diff := &pb.DiffOp{Lower: &pb.LowerDiffInput{Input: int64(pb.Empty)}, Upper: &pb.UpperDiffInput{Input: int64(pb.Empty)}}
		if len(op.Inputs) > 0 {
			diff.Upper.Input = 0
		}
		if len(op.Inputs) > 1 {
			diff.Lower.Input = 1
		}
		op.Op = &pb.Op_Diff{Diff: diff}
	case 9:
		if c.below(2) == 1 {
			op.Op = &pb.Op_Build{Build: &pb.BuildOp{Builder: int64(pb.LLBBuilder), Attrs: map[string]string{"a": "b", "c": "d"}}}
		}
	}
}

// randomIndex is mostly one of an op's inputs.
func randomIndex(c *choices, inputs int) int64 {
	return int64(c.below(inputs+3)-1) % int64(inputs+1)
}

// commandLines are those of steps: in shell form and not, broken, empty.
var commandLines = [][]string{
	{"/bin/sh", "-c", "go build -o /server ."}, {"/bin/sh", "-c", "apt-get update && mkdir -p /x"}, {"go", "install", "./..."}, {"make"},
	{"/bin/sh", "-c", "strip /server; cp /server /usr/bin/app"}, {"/bin/bash", "-eo", "pipefail", "-c", "$CMD | tee /log"},
	{"/bin/sh", "-c", "if [ x"}, {"/bin/sh", "-c", ""}, {"/bin/sh"}, {""}, {}, {"npm", "ci"},
	{"/bin/sh", "-c", "f() { go build; }; f"}, {"/bin/sh", "-c", "mv /server /bin/server && cd /src && install -m 755 a b /usr/bin"}, {"go", "mod", "download"},
}

func randomExec(c *choices, inputs int) *pb.ExecOp {
	if c.below(20) == 19 {
		return &pb.ExecOp{}
	}
	exec := &pb.ExecOp{Meta: &pb.Meta{
		Args: commandLines[c.below(len(commandLines))],
		Env:  oneOf(c, []string{"PATH=/usr/local/go/bin:/bin"}, nil, []string{"PATH="}, []string{"PATH=/a", "PATH=/b", "GOLANG_VERSION=1.26"}, []string{"X"}),
		Cwd:  oneOf(c, "/src", "", "src"),
		User: oneOf(c, "", "root", "app", "1000:1000"),
	}}
	if c.below(8) != 7 {
		root := &pb.Mount{Dest: pb.RootMount, Input: int64(min(inputs, 1) - 1)}
		exec.Mounts = append(exec.Mounts, root)
	}
	for range c.below(4) {
		exec.Mounts = append(exec.Mounts, &pb.Mount{
			Dest:      oneOf(c, "/src", pb.RootMount, "", "/go/pkg/mod", "/go/pkg", "/root/.cache/go-build", "/usr/local/go/bin/go", layout.Bin, layout.Capture, "src"),
			Input:     randomIndex(c, inputs),
			Output:    oneOf(c, int64(pb.SkipOutput), 0, 1, 2, 7, -3, math.MaxInt64),
			Selector:  oneOf(c, "", "/sub", "sub/x"),
			Readonly:  c.below(2) == 1,
			MountType: oneOf(c, pb.MountType_BIND, pb.MountType_CACHE, pb.MountType_TMPFS, pb.MountType_SECRET),
			CacheOpt:  oneOf(c, nil, &pb.CacheOpt{ID: "mine"}),
		})
	}
	return exec
}

func randomFile(c *choices, inputs int) *pb.FileOp {
	file := &pb.FileOp{}
	for i := range c.below(4) {
		a := &pb.FileAction{
			Input:          int64(c.below(inputs+i+3) - 1),
			SecondaryInput: int64(c.below(inputs+i+3) - 1),
			Output:         oneOf(c, 0, int64(pb.SkipOutput), 1),
		}
		p, dest := oneOf(c, "/server", "server", "", "/", "/src/*"), oneOf(c, "/server", "/usr/bin/", "/", "", "/go/pkg/mod/x")
		switch c.below(5) {
		case 0:
			a.Action = &pb.FileAction_Copy{Copy: &pb.FileActionCopy{
				Src: p, Dest: dest, AllowWildcard: c.below(2) == 1, AttemptUnpackDockerCompatibility: c.below(2) == 1,
			}}
		case 1:
			a.Action = &pb.FileAction_Mkfile{Mkfile: &pb.FileActionMkFile{Path: dest, Data: []byte("#!/bin/sh\n")}}
		case 2:
			a.Action = &pb.FileAction_Mkdir{Mkdir: &pb.FileActionMkDir{Path: dest}}
		case 3:
			a.Action = &pb.FileAction_Symlink{Symlink: &pb.FileActionSymlink{Oldpath: p, Newpath: dest}}
		}
		file.Actions = append(file.Actions, a)
	}
	return file
}

// randomOptions are those of a round of Instrument, toolchains found in some steps.
func randomOptions(c *choices, steps []*Step) InstrumentOptions {
	opts := InstrumentOptions{
		Tools:          testTools,
		Mode:           oneOf(c, "", ModeDebug, ModeOptimized, ModeSymbols),
		NoGoCache:      c.below(4) == 3,
		Merges:         c.below(2) == 1,
		CacheNamespace: oneOf(c, "", "ns"),
		Toolchains:     map[digest.Digest]Toolchain{},
	}
	for _, s := range steps {
		if input, err := s.Input(); err != nil || input == nil || c.below(3) == 2 {
			continue
		}
		opts.Toolchains[s.Digest] = oneOf(c, usualToolchain, Toolchain{}, Toolchain{Programs: []string{"/opt/go/bin/go", "/usr/bin/go"}})
	}
	return opts
}
