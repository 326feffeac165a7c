//go:build !race

package llbgen

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/llbsolver"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// solvable is BuildKit's own judgement on a definition, without solving it.
func solvable(t *testing.T, def *pb.Definition) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("BuildKit panics: %v", p)
		}
	}()
	_, err = llbsolver.Load(t.Context(), def, nil)
	return err
}

// FuzzDefinitions gives Instrument graphs that decode, of every kind of op.
func FuzzDefinitions(f *testing.F) {
	f.Add([]byte{})
	for seed := range 100 {
		bytes := make([]byte, 400)
		_, _ = rand.NewChaCha8([32]byte{byte(seed)}).Read(bytes) // never fails
		f.Add(bytes)
	}
	f.Fuzz(func(t *testing.T, dt []byte) {
		c := &choices{bytes: dt}
		def := randomDefinition(t, c)
		checkReaders(t, def)
		judged := solvable(t, def)
		opts := InstrumentOptions{Tools: testTools}
		for range 3 {
			steps := checkInstrument(t, def, opts, judged)
			opts = randomOptions(c, steps)
		}
	})
}

// FuzzInstrument gives Instrument bytes. Most are no definition.
func FuzzInstrument(f *testing.F) {
	for _, st := range []llb.State{hello(), run(goImage(), "make"), llb.Scratch().File(llb.Mkdir("/a", 0o755))} {
		dt, err := definition(f, st).MarshalVT()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(dt)
	}
	f.Fuzz(func(t *testing.T, dt []byte) {
		def := &pb.Definition{}
		if def.UnmarshalVT(dt) != nil {
			return
		}
		checkReaders(t, def)
		in, err := Instrument(def, InstrumentOptions{Tools: testTools})
		if err != nil {
			return
		}
		if before, after := solvable(t, def), solvable(t, in.Definition); before == nil && after != nil {
			t.Fatalf("BuildKit refuses what was instrumented: %v", after)
		}
		checkSteps(t, in, false)
	})
}

// checkReaders calls what only reads a definition.
func checkReaders(t *testing.T, def *pb.Definition) {
	t.Helper()
	if _, err := builds(def); err != nil {
		return // it cannot be read
	}
	if _, err := Survey(def, InstrumentOptions{Tools: testTools}); err != nil && !isRefusal(err) {
		t.Fatal(err)
	}
	for _, file := range []string{"/server", "/usr/bin/app", "/", ""} {
		origins, err := Origins(def, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range origins {
			if !o.Readable() {
				continue
			}
			at, err := o.Definition()
			if err == nil {
				_, err = decode(at)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// isRefusal tells whether the user is told what is wrong with a step.
func isRefusal(err error) bool {
	return strings.Contains(err.Error(), "dlvgen has its tools for")
}

// checkInstrument instruments def, checks what became of it, and returns the steps.
func checkInstrument(t *testing.T, def *pb.Definition, opts InstrumentOptions, judged error) []*Step {
	t.Helper()
	before, err := def.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	in, err := Instrument(def, opts)
	switch {
	case err != nil && isRefusal(err):
		return nil
	case err != nil:
		t.Fatal(err)
	}
	if after := def.SizeVT(); after != len(before) {
		t.Fatal("the definition that was given changed")
	}
	if len(in.Steps) == 0 {
		if in.Definition != def {
			t.Fatal("a definition without a step to instrument changed")
		}
		return nil
	}
	if err := solvable(t, in.Definition); judged == nil && err != nil {
		t.Fatalf("BuildKit refuses what was instrumented: %v", err)
	}
	again, err := Instrument(def, opts)
	if err != nil || !slices.EqualFunc(again.Definition.Def, in.Definition.Def, bytes.Equal) {
		t.Fatalf("a second call made another definition, %v", err)
	}
	checkSteps(t, in, opts.Merges)
	checkVertices(t, def, in)
	return in.Steps
}

// checkSteps checks that what steps refer to is there.
func checkSteps(t *testing.T, in *Instrumented, merges bool) {
	t.Helper()
	for _, s := range in.Steps {
		capture, err := s.Capture()
		if err != nil {
			t.Fatal(err)
		}
		input, err := s.Input()
		if err != nil {
			t.Fatal(err)
		}
		sources, err := s.Sources()
		if err != nil || (sources != nil) != merges {
			t.Fatalf("the sources are in %v, %v", sources, err)
		}
		for _, def := range []*pb.Definition{capture, sources, input} {
			if _, err := decode(def); err != nil {
				t.Fatal(err)
			}
		}
		outputs := 0
		for _, v := range mustDecode(t, in.Definition) {
			if v.digest != s.Vertex {
				continue
			}
			for _, m := range v.op.GetExec().Mounts {
				if m.Output == s.capture.Index {
					outputs++
				}
				if s.sources != nil && m.Output == s.sources.Index && m.Dest != layout.Sources {
					t.Fatalf("the mount %v is the output of the sources too", m)
				}
			}
		}
		if outputs != 1 {
			t.Fatalf("%d mounts are the output %d, the capture", outputs, s.capture.Index)
		}
	}
}

// checkVertices checks that every vertex of def is in the instrumented definition: a
// step with mounts added, what depends on one with the new digests and nothing else
// changed, everything else byte by byte. Metadata and locations go with them.
func checkVertices(t *testing.T, def *pb.Definition, in *Instrumented) {
	t.Helper()
	after := map[digest.Digest]vertex{}
	for _, v := range mustDecode(t, in.Definition) {
		after[v.digest] = v
	}
	renamed := map[string]string{}
	for _, v := range mustDecode(t, def) {
		step := slices.IndexFunc(in.Steps, func(s *Step) bool { return s.Digest == v.digest })
		want := v
		for _, i := range v.op.Inputs {
			if to := renamed[i.Digest]; to != "" {
				i.Digest = to
			}
		}
		if step < 0 {
			want = mustEncode(t, v.op)
		} else {
			want.digest = in.Steps[step].Vertex
			checkStep(t, v.op, after[want.digest].op)
		}
		if want.digest != v.digest {
			renamed[string(v.digest)] = string(want.digest)
		}
		if _, ok := after[want.digest]; !ok {
			t.Fatalf("%v is not in the instrumented definition", v.op)
		}
		if meta := def.Metadata[string(v.digest)]; meta != nil && in.Definition.Metadata[string(want.digest)] != meta {
			t.Fatalf("the metadata of %v did not move along", v.op)
		}
		if def.Source != nil && def.Source.Locations[string(v.digest)] != in.Definition.Source.Locations[string(want.digest)] {
			t.Fatalf("the location of %v did not move along", v.op)
		}
	}
}

// checkStep checks that an instrumented step keeps its inputs and mounts, and that
// those that are added make sense.
func checkStep(t *testing.T, before, after *pb.Op) {
	t.Helper()
	if after == nil {
		t.Fatal("an instrumented step is missing")
	}
	exec := after.GetExec()
	added := exec.Mounts[len(before.GetExec().Mounts):]
	for _, m := range added {
		if m.Dest == layout.Sources && m.Input == int64(pb.Empty) && m.Output >= 0 {
			continue
		}
		if m.Input < int64(len(before.Inputs)) || m.Input >= int64(len(after.Inputs)) {
			t.Fatalf("the mount %v has an input that is not its own", m)
		}
	}
	kept := after.CloneVT()
	kept.Inputs = kept.Inputs[:len(before.Inputs)]
	kept.GetExec().Mounts = kept.GetExec().Mounts[:len(before.GetExec().Mounts)]
	kept.GetExec().Meta.Env = before.GetExec().Meta.Env
	if !kept.EqualVT(before) {
		t.Fatalf("the step %v became %v", before, after)
	}
}
