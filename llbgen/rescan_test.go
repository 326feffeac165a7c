package llbgen

import (
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
)

// scanOf is the definition of a step that scans an image, a stage and the context.
func scanOf(t *testing.T, image, stage llb.State) *pb.Definition {
	t.Helper()
	step := llb.Image("example.com/scanner:1").Run(llb.Shlex("/scan"), llb.WithCustomName("scan"),
		llb.AddMount("/run/src/core/sbom", image, llb.Readonly),
		llb.AddMount("/run/src/extras/sbom-build", stage, llb.Readonly),
		llb.AddMount("/run/src/extras/sbom-context", llb.Local("context"), llb.Readonly))
	return definition(t, step.AddMount("/run/out/", llb.Scratch()))
}

// TestAScanIsOfTheDebugImageAndItsStages has the stage read as a whole, which would by itself
// be instrumented in another way than where only a file is taken from it.
func TestAScanIsOfTheDebugImageAndItsStages(t *testing.T) {
	stage := run(goImage().File(llb.Copy(llb.Local("context"), ".", "/src/")), "go build -o /server .")
	image := llb.Scratch().File(llb.Copy(stage, "/server", "/server"))
	in := withToolchain(t, definition(t, image), usualToolchain)
	debug := definition(t, llb.Image("example.com/debug:1"))
	scan := scanOf(t, image, stage)

	def, err := in.Rescan(scan, debug)
	if err != nil {
		t.Fatal(err)
	}
	vertices := mustDecode(t, def)
	step := vertices[vertices[len(vertices)-1].inputs[0]]
	if name := def.Metadata[string(step.digest)].GetDescription()["llb.customname"]; name != "scan" {
		t.Errorf("the last step is called %q", name)
	}
	at := map[string]vertex{}
	for _, m := range step.op.GetExec().Mounts {
		if m.Input >= 0 {
			at[m.Dest] = vertices[step.inputs[m.Input]]
		}
	}
	if got := at["/run/src/core/sbom"].op.GetSource().GetIdentifier(); got != "docker-image://example.com/debug:1" {
		t.Errorf("the image that is scanned is %q", got)
	}
	if got := at["/run/src/extras/sbom-build"].digest; got != in.Steps[0].Vertex {
		t.Errorf("the stage that is scanned is %s, and the debug image is made of %s", got, in.Steps[0].Vertex)
	}
	if got := at["/run/src/extras/sbom-context"].op.GetSource().GetIdentifier(); got != "local://context" {
		t.Errorf("the context that is scanned is %q", got)
	}
	before := mustDecode(t, scan)
	production := in.Steps[0].Digest
	if slices.ContainsFunc(vertices, func(v vertex) bool { return v.digest == production }) ||
		!slices.ContainsFunc(before, func(v vertex) bool { return v.digest == production }) {
		t.Error("production is compiled too")
	}
}

func TestAScanOfSomethingElseIsAnError(t *testing.T) {
	in := instrument(t, definition(t, hello()), InstrumentOptions{})
	debug := definition(t, llb.Image("example.com/debug:1"))
	for name, scan := range map[string]*pb.Definition{
		"another image":  scanOf(t, llb.Image("example.com/other:1"), goImage()),
		"no step at all": definition(t, llb.Scratch()),
	} {
		if _, err := in.Rescan(scan, debug); err == nil || !strings.Contains(err.Error(), "image") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
