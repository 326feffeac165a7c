package llbgen

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dlvgen/dlvgen/llbgen/llbtree"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// planOf is the plan of a variant of an image that starts /app/server, which a
// launcher is to stand for if a script starts it. The file may have capabilities, and the
// program be compiled again.
func planOf(t *testing.T, variant, script, capabilities string, rebuilt *variants.Rebuilt) *variants.Plan {
	t.Helper()
	v, err := variants.ByName(variant)
	if err != nil {
		t.Fatal(err)
	}
	in := variants.Input{
		Request: variants.NewRequest(v),
		Config:  &dockerspec.DockerOCIImage{Image: ocispecs.Image{Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"}}},
		Program: variants.Program{
			Path: "/usr/bin/server", File: "/app/server", Mode: 0o4750, UID: 5, GID: 6, GoVersion: "go1.26.8",
			Capabilities: capabilities, Rebuilt: rebuilt,
		},
		Command: variants.Command{Detour: script},
		Folders: []variants.Folder{{Path: "/app", Mode: 0o3700, UID: 5, GID: 6, Modified: 7}},
	}
	if v.Kind == variants.KindTest {
		in.Program = variants.Program{Path: "/.dlvgen/program/store.test", File: "/.dlvgen/program/store.test", Mode: 0o755, GoVersion: "go1.26.8"}
		in.Test = &variants.Test{Package: "example.com/a/store", Dir: "/app/store"}
	}
	if v.Kind == variants.KindSidecar {
		in.Symbols, in.Folders = &variants.Symbols{File: "/.dlvgen/symbols/server"}, nil
	}
	p, err := variants.New(in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAssembledDefinitionsAreTheGoldens(t *testing.T) {
	all := pb.Caps.CapSet(pb.Caps.All())
	for name, tc := range map[string]struct {
		variant, script string
		caps            apicaps.CapSet
		rebuilt         *variants.Rebuilt
		capabilities    string
		read            bool
		sources         Sources
	}{
		"remote":        {variant: "remote", caps: all, read: true},
		"remote-copied": {variant: "remote", caps: pb.Caps.CapSet(nil), read: true},
		"inplace":       {variant: "remote", script: "a script", caps: all},
		"attach":        {variant: "attach", caps: all},
		"sidecar":       {variant: "sidecar", caps: all},
		"test":          {variant: "test", caps: all},

		"sources":           {variant: "sidecar", caps: all, sources: Sources{File: File{llb.Image("example.com/sources"), "/"}, Layer: true}},
		"sources-folders":   {variant: "attach", caps: all, sources: Sources{File: File{llb.Image("example.com/sources"), "/"}, Layer: true}},
		"sources-not-whole": {variant: "sidecar", caps: all, sources: Sources{File: File{llb.Image("example.com/sources"), "/"}}},

		"granted":         {variant: "remote", script: "a script", caps: all, capabilities: "0102"},
		"rebuilt":         {variant: "remote", caps: all, rebuilt: &variants.Rebuilt{From: variants.RebuildContext}},
		"rebuilt-inplace": {variant: "remote", script: "a script", caps: all, rebuilt: &variants.Rebuilt{From: variants.RebuildContext}},
	} {
		t.Run(name, func(t *testing.T) {
			capture := llb.Image("example.com/capture")
			parts := Parts{
				Production: llb.Image("example.com/production"),
				Sources:    []Sources{{File: File{State: capture, Path: "/capture/0/src"}}},
				Tools:      ToolsIn(llb.Image("example.com/tools"), "/tools"),
				Platform:   ocispecs.Platform{OS: "linux", Architecture: "amd64"},
				Builder:    ocispecs.Platform{OS: "linux", Architecture: "arm64"},
				Plan:       planOf(t, tc.variant, tc.script, tc.capabilities, tc.rebuilt),
				PlanJSON:   []byte("the plan"),
			}
			if tc.read {
				parts.Read = []llb.State{capture}
			}
			if tc.sources.Path != "" {
				parts.Sources = []Sources{tc.sources}
			}
			if tc.rebuilt != nil {
				parts.Files = map[variants.Source]File{variants.FromRebuilt: {llb.Image("example.com/rebuilt"), "/rebuilt/server"}}
			}
			if tc.variant == "test" {
				parts.Files = map[variants.Source]File{
					variants.FromTests: {capture, "/capture/0/tests/0123/store.test"}, variants.FromTestdata: {capture, "/capture/0/tests/0123/data/"},
				}
			}
			if tc.variant == "sidecar" {
				parts.Files = map[variants.Source]File{variants.FromSymbols: {capture, "/capture/0/symbols/0123/server"}}
			}
			def, err := Assemble(parts, tc.caps).Marshal(t.Context(), llb.LinuxAmd64)
			if err != nil {
				t.Fatal(err)
			}
			got, err := llbtree.Format(def.ToPB())
			if err != nil {
				t.Fatal(err)
			}
			compare(t, filepath.Join("..", "testdata", "llb", name+".tree"), got)
		})
	}
}

// compare compares with a golden file, or writes it under -update.
func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the definition differs from %s (go test -update writes it):\n%s", golden, got)
	}
}
