package llbgen

import (
	"bytes"
	"context"
	"flag"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/llbgen/llbtree"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

var update = flag.Bool("update", false, "write the golden files")

var testTools = ToolsIn(llb.Image("example.com/dlvgen:1"), "/tools")

// goImage is a builder stage: its PATH leads to Go.
func goImage() llb.State {
	return llb.Image("docker.io/library/golang:1.26").
		AddEnv("PATH", "/usr/local/go/bin:/usr/bin:/bin").Dir("/src")
}

func run(st llb.State, script string, opts ...llb.RunOption) llb.State {
	opts = append([]llb.RunOption{llb.Shlexf("/bin/sh -c %q", script), llb.WithCustomName("RUN " + script)}, opts...)
	return st.Run(opts...).Root()
}

// hello is the definition of an ordinary two-stage Dockerfile.
func hello(opts ...llb.RunOption) llb.State {
	b := run(goImage(), "apt-get update")
	b = b.File(llb.Copy(llb.Local("context"), "go.mod", "/src/"))
	b = run(b, "go mod download")
	b = b.File(llb.Copy(llb.Local("context"), ".", "/src/"))
	b = run(b, "go build -o /server .", opts...)
	return llb.Scratch().File(llb.Copy(b, "/server", "/server"))
}

func definition(t testing.TB, st llb.State) *pb.Definition {
	t.Helper()
	def, err := st.Marshal(context.Background(), llb.LinuxAmd64, llb.LocalUniqueID("fixed"))
	if err != nil {
		t.Fatal(err)
	}
	return def.ToPB()
}

func instrument(t testing.TB, def *pb.Definition, opts InstrumentOptions) *Instrumented {
	t.Helper()
	opts.Tools = testTools
	in, err := Instrument(def, opts)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// withToolchain instruments with the toolchain found in the first step's input.
func withToolchain(t testing.TB, def *pb.Definition, found Toolchain) *Instrumented {
	t.Helper()
	first := instrument(t, def, InstrumentOptions{})
	return instrument(t, def, InstrumentOptions{Toolchains: map[digest.Digest]Toolchain{first.Steps[0].Digest: found}})
}

var usualToolchain = Toolchain{Programs: []string{"/usr/local/go/bin/go"}, ModCache: "/go/pkg/mod"}

func TestInstrumentedTree(t *testing.T) {
	got, err := llbtree.Format(withToolchain(t, definition(t, hello()), usualToolchain).Definition)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, filepath.Join("..", "testdata", "llb", "hello.tree"), got)
}

func TestStepsAheadOfTheCompileKeepTheirBytes(t *testing.T) {
	def := definition(t, hello())
	in := instrument(t, def, InstrumentOptions{})
	before, after := map[string]bool{}, map[string]bool{}
	for _, dt := range def.Def {
		before[string(dt)] = true
	}
	for _, dt := range in.Definition.Def {
		after[string(dt)] = true
	}
	changed := 0
	for _, v := range mustDecode(t, def) {
		if after[string(v.bytes)] {
			continue
		}
		changed++
		if exec := v.op.GetExec(); exec != nil && !strings.Contains(strings.Join(exec.Meta.Args, " "), "go build") {
			t.Errorf("%q changed", exec.Meta.Args)
		}
	}
	if changed != 3 { // the compile, the copy out of it, and the pointer at the result
		t.Errorf("%d ops changed, want 3", changed)
	}
}

func TestDefinitionWithoutACompileComesBackAsItWas(t *testing.T) {
	def := definition(t, run(goImage(), "go mod download"))
	in := instrument(t, def, InstrumentOptions{})
	if in.Definition != def || len(in.Steps) != 0 {
		t.Errorf("the definition changed: %d steps", len(in.Steps))
	}
}

func TestInstrumentIsDeterministic(t *testing.T) {
	first := withToolchain(t, definition(t, hello()), usualToolchain).Definition
	for range 5 {
		again := withToolchain(t, definition(t, hello()), usualToolchain).Definition
		if !slices.EqualFunc(first.Def, again.Def, bytes.Equal) {
			t.Fatal("two calls made different ops")
		}
	}
}

func TestMetadataAndSourceLocationsMoveAlong(t *testing.T) {
	sm := llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", []byte("FROM golang\nRUN go build\n"))
	line := []*pb.Range{{Start: &pb.Position{Line: 2}, End: &pb.Position{Line: 2}}}
	def := definition(t, hello(sm.Location(line), llb.ProgressGroup("id", "compiling", false)))
	in := instrument(t, def, InstrumentOptions{})
	compiled := string(in.Steps[0].Vertex)
	if locations := in.Definition.Source.Locations[compiled]; locations == nil || locations.Locations[0].Ranges[0].Start.Line != 2 {
		t.Errorf("the compile's location is %v", locations)
	}
	meta := in.Definition.Metadata[compiled]
	if meta.GetProgressGroup().GetName() != "compiling" || meta.Description["llb.customname"] != "RUN go build -o /server ." {
		t.Errorf("the compile's metadata is %v", meta)
	}
	for dgst := range in.Definition.Source.Locations {
		if !slices.ContainsFunc(mustDecode(t, in.Definition), func(v vertex) bool { return string(v.digest) == dgst }) {
			t.Errorf("a location points at %s, which is not in the definition", dgst)
		}
	}
}

func TestUsersCacheMountsWin(t *testing.T) {
	const ours = "/go/pkg/mod"
	mine := llb.AddMount("/go/pkg", llb.Scratch(), llb.AsPersistentCacheDir("mine", llb.CacheMountShared))
	for _, test := range []struct {
		step llb.State
		want bool
	}{{hello(), true}, {hello(mine), false}} {
		caches := cachesOf(t, withToolchain(t, definition(t, test.step), usualToolchain))
		if got := slices.Contains(caches, ours); got != test.want {
			t.Errorf("a cache of ours at %s: %t, want %t, among %q", ours, got, test.want, caches)
		}
	}
}

func TestNoGoCacheLeavesTheCachesOut(t *testing.T) {
	def := definition(t, hello())
	if caches := cachesOf(t, instrument(t, def, InstrumentOptions{})); len(caches) == 0 {
		t.Error("no cache mounts where caches are wanted")
	}
	if caches := cachesOf(t, instrument(t, def, InstrumentOptions{NoGoCache: true})); len(caches) > 0 {
		t.Errorf("cache mounts at %q", caches)
	}
}

// cachesOf lists where the one compile step has cache mounts.
func cachesOf(t *testing.T, in *Instrumented) []string {
	t.Helper()
	var caches []string
	for _, m := range execOf(t, in).Mounts {
		if m.MountType == pb.MountType_CACHE {
			caches = append(caches, m.Dest)
		}
	}
	return caches
}

func TestEveryUserHasACacheOfItsOwn(t *testing.T) {
	ids := map[string]bool{}
	for _, user := range []string{"", "builder"} {
		st := run(goImage().User(user), "go build .")
		for _, m := range execOf(t, instrument(t, definition(t, st), InstrumentOptions{CacheNamespace: "ns"})).Mounts {
			if m.Dest == layout.GoCache {
				ids[m.CacheOpt.ID] = true
			}
		}
	}
	if !ids["ns/dlvgen-go-build-linux_amd64"] || !ids["ns/dlvgen-go-build-linux_amd64-builder"] {
		t.Errorf("cache ids are %v", ids)
	}
}

func TestWhatStepsCaptureAreOutputsOfTheirOwn(t *testing.T) {
	in := instrument(t, definition(t, hello()), InstrumentOptions{Merges: true})
	for index, output := range map[int64]struct {
		of   func() (*pb.Definition, error)
		dest string
	}{1: {in.Steps[0].Capture, layout.Capture}, 2: {in.Steps[0].Sources, layout.Sources}} {
		def, err := output.of()
		if err != nil {
			t.Fatal(err)
		}
		vs := mustDecode(t, def)
		result := vs[len(vs)-1].op.Inputs[0]
		if result.Digest != string(in.Steps[0].Vertex) || result.Index != index {
			t.Errorf("%s is %v, want output %d of the compile", output.dest, result, index)
		}
		var outputs []string
		for _, m := range execOf(t, in).Mounts {
			if m.Output == index {
				outputs = append(outputs, m.Dest)
			}
		}
		if !slices.Equal(outputs, []string{output.dest}) {
			t.Errorf("output %d is %q, want %s", index, outputs, output.dest)
		}
	}
}

func TestToolchainIsAskedForOnceAStage(t *testing.T) {
	st := run(run(run(goImage(), "go build ./a"), "mkdir /x"), "go build ./b")
	def := definition(t, st)
	first := instrument(t, def, InstrumentOptions{})
	if n := len(first.Unlocated()); n != 1 {
		t.Fatalf("%d steps to look into at first, want the stage's first only", n)
	}
	in := instrument(t, def, InstrumentOptions{Toolchains: map[digest.Digest]Toolchain{first.Unlocated()[0].Digest: usualToolchain}})
	if len(in.Unlocated()) != 0 {
		t.Error("the second step asks again")
	}
	if got := in.Steps[1].Toolchain; !slices.Equal(got.Programs, usualToolchain.Programs) || got.ModCache != "" {
		t.Errorf("the second step inherits %+v: mkdir may have filled the module cache", got)
	}
}

func TestStepAfterOneThatMayBringGoIsAskedAgain(t *testing.T) {
	st := run(run(goImage(), "./install-go.sh"), "make")
	def := definition(t, st)
	first := instrument(t, def, InstrumentOptions{})
	in := instrument(t, def, InstrumentOptions{Toolchains: map[digest.Digest]Toolchain{first.Steps[0].Digest: {}}})
	if n := in.Unlocated(); len(n) != 1 || n[0].Digest != first.Steps[1].Digest {
		t.Errorf("to look into next: %v", n)
	}
}

func TestRealToolchainStandsBesideTheStandIn(t *testing.T) {
	in := withToolchain(t, definition(t, hello()), usualToolchain)
	exec := execOf(t, in)
	byDest := map[string]*pb.Mount{}
	for _, m := range exec.Mounts {
		byDest[m.Dest] = m
	}
	for _, dest := range []string{layout.Real + "/usr/local/go/bin/go", "/usr/local/go/bin/go"} {
		if m := byDest[dest]; m == nil || !m.Readonly || m.Output != int64(pb.SkipOutput) {
			t.Errorf("at %s is %v", dest, m)
		}
	}
	if !slices.Contains(exec.Meta.Env, "PATH=/.dlvgen/bin:/usr/local/go/bin:/usr/bin:/bin") {
		t.Errorf("the environment is %v", exec.Meta.Env)
	}
}

func TestStandInsAreMountedWhereTheirProgramsMayRun(t *testing.T) {
	packaged := "/usr/lib/go-1.19/bin/go"
	found := Toolchain{Programs: []string{"/usr/local/go/bin/go", packaged}}
	for _, tc := range []struct {
		script   string
		mode     Mode
		want     string // the PATH's folders of ours
		packaged bool   // whether the packaged toolchain has its stand-in
	}{
		{"go build .", ModeDebug, layout.Bin, true},
		{"go build . && rm -rf /usr/local/go", ModeDebug, layout.Bin + ":" + layout.StandIns, true},
		{"go build . && rm -rf /usr/local/go", ModeSymbols, layout.Bin + ":" + layout.StandIns, true},
		{"go build . && strip server", ModeDebug, layout.Bin + ":" + layout.StandIns, true},
		{"make", ModeSymbols, layout.Bin + ":" + layout.StandIns, true},
		{"go build . && apt-get purge -y golang", ModeDebug, layout.Bin, false},
	} {
		def := definition(t, run(goImage(), tc.script))
		first := instrument(t, def, InstrumentOptions{})
		in := instrument(t, def, InstrumentOptions{Mode: tc.mode, Toolchains: map[digest.Digest]Toolchain{first.Steps[0].Digest: found}})
		exec := execOf(t, in)
		at := func(dest string) bool {
			return slices.ContainsFunc(exec.Mounts, func(m *pb.Mount) bool { return m.Dest == dest })
		}
		if !slices.Contains(exec.Meta.Env, "PATH="+tc.want+":/usr/local/go/bin:/usr/bin:/bin") || at(layout.StandIns) != strings.Contains(tc.want, layout.StandIns) {
			t.Errorf("%s, %s: the environment is %v", tc.mode, tc.script, exec.Meta.Env)
		}
		if !at("/usr/local/go/bin/go") || at(packaged) != tc.packaged {
			t.Errorf("%s, %s: the mounts are %v", tc.mode, tc.script, exec.Mounts)
		}
	}
}

func TestNoTwoMountsHaveTheSameInput(t *testing.T) {
	two := Toolchain{Programs: []string{"/usr/local/go/bin/go", "/opt/go/bin/go"}, ModCache: "/go/pkg/mod"}
	in := withToolchain(t, definition(t, hello()), two)
	var inputs []string
	for _, v := range mustDecode(t, in.Definition) {
		if v.digest != in.Steps[0].Vertex {
			continue
		}
		for _, m := range v.op.GetExec().Mounts {
			if m.Input >= 0 {
				inputs = append(inputs, v.op.Inputs[m.Input].Digest)
			}
		}
	}
	slices.Sort(inputs)
	if unique := slices.Compact(slices.Clone(inputs)); len(unique) != len(inputs) || len(inputs) != 9 {
		t.Errorf("%d mounts have %d different inputs", len(inputs), len(unique))
	}
}

func TestWindowsStepsAreLeftAlone(t *testing.T) {
	st := run(llb.Image("golang", llb.Windows), "go build .")
	def, err := st.Marshal(context.Background(), llb.Windows)
	if err != nil {
		t.Fatal(err)
	}
	if in := instrument(t, def.ToPB(), InstrumentOptions{}); len(in.Steps) != 0 {
		t.Error("a Windows step was instrumented")
	}
}

func TestStepsOnPlatformsWithoutToolsAreRefused(t *testing.T) {
	def, err := hello().Marshal(context.Background(), llb.LinuxS390x)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Instrument(def.ToPB(), InstrumentOptions{Tools: testTools})
	if err == nil || !strings.Contains(err.Error(), "linux/s390x") || !strings.Contains(err.Error(), "go build") {
		t.Errorf("the error is %v, want one with the step and its platform", err)
	}
}

func TestParsedDefinitionsAreInstrumentedAgain(t *testing.T) {
	def := definition(t, hello())
	parsed, err := Parse(def)
	if err != nil {
		t.Fatal(err)
	}
	first, err := parsed.Instrument(InstrumentOptions{Tools: testTools})
	if err != nil {
		t.Fatal(err)
	}
	again, err := parsed.Instrument(InstrumentOptions{Tools: testTools, Toolchains: map[digest.Digest]Toolchain{first.Steps[0].Digest: usualToolchain}})
	if err != nil {
		t.Fatal(err)
	}
	if want := withToolchain(t, def, usualToolchain).Definition; !slices.EqualFunc(again.Definition.Def, want.Def, bytes.Equal) {
		t.Error("the second time made other ops than reading the definition anew")
	}
}

// A newer BuildKit's fields must not get lost on the way.
func TestFieldsThatAreNotKnownStay(t *testing.T) {
	def := definition(t, hello())
	last := len(def.Def) - 1
	const unknown = "\xfa\x7f\x05later" // field 2047, five bytes
	def.Def[last-1] = append(def.Def[last-1], unknown...)
	def.Def[last] = mustEncode(t, &pb.Op{Inputs: []*pb.Input{{Digest: string(digest.FromBytes(def.Def[last-1]))}}}).bytes
	in := instrument(t, def, InstrumentOptions{})
	if n := len(in.Definition.Def); !bytes.HasSuffix(in.Definition.Def[n-2], []byte(unknown)) {
		t.Error("a copy out of the compile lost a field")
	}
}

func TestThePointerAtTheResultComesLastThoughItIsThereTwice(t *testing.T) {
	b := newBuilder()
	for _, dt := range definition(t, run(goImage(), "go build .")).Def {
		b.add(vertex{digest: digest.FromBytes(dt), bytes: dt}, nil)
	}
	pointer := mustDecode(t, b.def)[len(b.def.Def)-1]
	b.add(mustEncode(t, &pb.Op{Inputs: pointer.op.Inputs, Op: &pb.Op_File{File: &pb.FileOp{}}}), nil)
	b.end(pointer, nil)
	in := instrument(t, b.def, InstrumentOptions{})
	if vs := mustDecode(t, in.Definition); len(in.Steps) != 1 || vs[len(vs)-1].op.Op != nil {
		t.Errorf("the last op is %v", vs[len(vs)-1].op)
	}
}

func TestMalformedDefinitionsAreErrors(t *testing.T) {
	good := definition(t, hello())
	for name, def := range map[string]*pb.Definition{
		"bytes that are no op":     {Def: [][]byte{{0xff, 0xff}}},
		"input that is not there":  {Def: good.Def[len(good.Def)-1:]},
		"no pointer at the result": {Def: good.Def[:1]},
	} {
		if _, err := Instrument(def, InstrumentOptions{Tools: testTools}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func mustEncode(t testing.TB, op *pb.Op) vertex {
	t.Helper()
	v, err := encode(op)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func mustDecode(t testing.TB, def *pb.Definition) []vertex {
	t.Helper()
	vs, err := decode(def)
	if err != nil {
		t.Fatal(err)
	}
	return vs
}

// execOf is the first instrumented step's op.
func execOf(t testing.TB, in *Instrumented) *pb.ExecOp {
	t.Helper()
	for _, v := range mustDecode(t, in.Definition) {
		if v.digest == in.Steps[0].Vertex {
			return v.op.GetExec()
		}
	}
	t.Fatal("the step is not in the definition")
	return nil
}

// TestSuspectsAreWhatTheFileMayComeFrom has a stage that builds the file in a way that
// nobody could foresee, and one that has nothing to do with it.
func TestSuspectsAreWhatTheFileMayComeFrom(t *testing.T) {
	rust := run(llb.Image("docker.io/library/rust:1"), "just-cargo build")
	b := run(run(llb.Image("docker.io/library/debian:bookworm"), "apt-get update"), "./build.sh /server")
	def := definition(t, copied(copied(alpine(), rust, "/worker", "/worker"), b, "/server", "/server"))
	first := instrument(t, def, InstrumentOptions{})
	if len(first.Steps) != 0 || first.Definition != def {
		t.Fatalf("%d steps are instrumented", len(first.Steps))
	}
	suspects, err := first.Suspects(def, "/server")
	if err != nil || len(suspects) != 1 {
		t.Fatalf("the suspects are %v, %v", suspects, err)
	}
	second := instrument(t, def, InstrumentOptions{Suspected: map[digest.Digest]bool{suspects[0]: true}})
	if len(second.Steps) != 1 || second.Steps[0].Reason != "runs build.sh" {
		t.Errorf("instrumented are %+v", second.Steps)
	}
	if again, err := second.Suspects(def, "/server"); err != nil || len(again) != 0 {
		t.Errorf("the suspects are %v once they are instrumented, %v", again, err)
	}
}
