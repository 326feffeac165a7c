package llbgen

import (
	"slices"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
)

// The list says what a step is given, whoever mounts it.
func TestMountsOfACompileStep(t *testing.T) {
	bin := Mount{Dest: "/.dlvgen/bin", Name: "tools", InPath: true, Files: []variants.Item{{From: variants.FromTools, Name: "bin"}}}
	standIns := Mount{
		Dest: "/.dlvgen/stand-ins", Title: "prepare the stand-ins for rm", Name: "rm", InPath: true,
		Files: []variants.Item{{Path: "/stand-ins", Mode: 0o755}, {Path: "/stand-ins/rm", From: variants.FromTools, Name: "bin/go"}},
	}
	optimized := Mount{
		Dest: "/.dlvgen/mode", Title: "prepare the mode optimized",
		Files: []variants.Item{{Path: "/optimized", Mode: 0o444, Content: []byte("optimized")}},
	}
	tests := Mount{
		Dest: "/.dlvgen/test", Title: "prepare the compile of the tests of example.com/a/store",
		Files: []variants.Item{{Path: "/test", Mode: 0o444, Content: []byte("example.com/a/store")}},
	}
	found := []Mount{
		{Dest: "/.dlvgen/real/usr/local/go/bin/go", Title: "take /usr/local/go/bin/go aside",
			Files: []variants.Item{{Path: "/go", From: FromStep, Name: "/usr/local/go/bin/go"}}},
		{Dest: "/usr/local/go/bin/go", Title: "prepare the stand-in for go",
			Files: []variants.Item{{Path: "/go-0", From: variants.FromTools, Name: "bin/go"}}},
	}
	cache := func(dest, name, user string) Mount {
		return Mount{
			Dest: dest, Title: "prepare /dlvgen-" + name, ID: "ns/dlvgen-" + name + "-linux_amd64" + user,
			Files: []variants.Item{{Path: "/dlvgen-" + name, Mode: 0o777}},
		}
	}
	capture := func(from string) Mount {
		return Mount{
			Dest: "/.dlvgen/capture", Output: true, Title: "prepare /capture", Name: "/capture" + from,
			Files: []variants.Item{{Path: "/capture", Mode: 0o777}, {Path: "/capture/from.json", Mode: 0o444, Content: []byte(from)}},
		}
	}
	golang := Toolchain{Programs: []string{"/usr/local/go/bin/go"}, ModCache: "/go/pkg/mod"}
	for name, test := range map[string]struct {
		words string
		run   []llb.RunOption
		opts  InstrumentOptions
		found Toolchain
		want  []Mount
	}{
		"nothing is known": {words: "go build", want: []Mount{bin, cache(layout.GoCache, "go-build", ""), capture("[]")}},
		"a toolchain": {words: "go build", found: golang, run: []llb.RunOption{llb.User("app")}, want: []Mount{
			bin, found[0], found[1], cache(layout.GoCache, "go-build", "-app"), cache("/go/pkg/mod", "go-mod", "-app"),
			capture(`["/go/pkg/mod","/usr/local/go/bin/go"]`),
		}},
		"the user's own cache": {
			words: "go build", found: Toolchain{ModCache: "/go/pkg/mod"},
			run:  []llb.RunOption{llb.AddMount("/go", llb.Scratch(), llb.AsPersistentCacheDir("mine", llb.CacheMountShared))},
			want: []Mount{bin, cache(layout.GoCache, "go-build", ""), capture(`["/go"]`)},
		},
		"no caches":    {words: "go build", opts: InstrumentOptions{NoGoCache: true}, found: golang, want: []Mount{bin, found[0], found[1], capture(`["/usr/local/go/bin/go"]`)}},
		"it merges":    {words: "go build", opts: InstrumentOptions{Merges: true, NoGoCache: true}, want: []Mount{bin, capture("[]"), {Dest: "/.dlvgen/sources", Output: true}}},
		"optimized":    {words: "go build", opts: InstrumentOptions{Mode: ModeOptimized, NoGoCache: true}, want: []Mount{bin, optimized, capture("[]")}},
		"tests":        {words: "go build", opts: InstrumentOptions{Test: "example.com/a/store", NoGoCache: true}, want: []Mount{bin, tests, capture("[]")}},
		"it removes":   {words: "go build && rm -rf /tmp/x", opts: InstrumentOptions{NoGoCache: true}, want: []Mount{bin, standIns, capture("[]")}},
		"Go's package": {words: "apk del go", opts: InstrumentOptions{NoGoCache: true}, found: Toolchain{Programs: []string{"/usr/lib/go/bin/go"}}, want: []Mount{bin, capture("[]")}},
	} {
		test.opts.CacheNamespace = "ns"
		m := mounterOf(t, run(goImage(), test.words, test.run...), test.opts)
		got, err := m.mounts(test.found)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// mounterOf is that of the last step of a state.
func mounterOf(t *testing.T, st llb.State, opts InstrumentOptions) *mounter {
	t.Helper()
	parsed, err := Parse(definition(t, st))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range slices.Backward(parsed.vertices) {
		if v.op.GetExec() != nil {
			return &mounter{in: &instrumenter{Parsed: parsed, opts: opts}, op: v.op, script: parsed.scripts[i], platform: platformOf(v.op)}
		}
	}
	t.Fatal("there is no step")
	return nil
}

// BuildKit releases an input of two mounts twice when the step fails.
func TestNoTwoMountsHaveOneInput(t *testing.T) {
	step := hello(llb.Args([]string{"sh", "-c", "go build -o /x . && strip /x && rm -rf /tmp/x"}))
	in := withToolchain(t, definition(t, step), Toolchain{Programs: []string{"/usr/local/go/bin/go", "/usr/bin/go"}, ModCache: "/go/pkg/mod"})
	for _, s := range in.Steps {
		var op *pb.Op
		for _, dt := range in.Definition.Def {
			if digestOf(dt) == s.Vertex {
				op = &pb.Op{}
				if err := op.UnmarshalVT(dt); err != nil {
					t.Fatal(err)
				}
			}
		}
		seen := map[string]string{}
		for _, m := range op.GetExec().GetMounts() {
			if m.Input < 0 {
				continue
			}
			from := op.Inputs[m.Input].Digest
			if other, ok := seen[from]; ok {
				t.Errorf("%s and %s have one input", other, m.Dest)
			}
			seen[from] = m.Dest
		}
		if len(seen) < 9 {
			t.Errorf("the step has %d inputs only: %v", len(seen), seen)
		}
	}
	if len(in.Steps) == 0 {
		t.Error("no step is instrumented")
	}
}
