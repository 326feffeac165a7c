package cli_test

import (
	"path"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// An image says in which format it speaks, which image of production's it belongs to, and
// nothing of production's digest, which no build knows. A later dlvgen's image is not
// misread.
func TestImagesSayTheirFormat(t *testing.T) {
	reg := needBuildKit(t)
	production := reg.Ref("cli/format:v1")
	mustBuild(t, "-t", production, "-t", reg.Ref("cli/format:latest"), "--push", testenv.Service(t, "hello"))
	img, err := reg.Image(proctest.Context(t), "cli/format:v1-debug")
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	said, err := variants.ParseLabels(file.Config.Labels)
	if err != nil || said.Format != "1" || said.Version == "" || said.Reference != production || said.Digest != "" {
		t.Errorf("the labels are %+v, %v, want format 1 and production %s", said, err, production)
	}
	plan, err := variants.ParsePlan(planOf(t, img))
	if err != nil {
		t.Fatal(err)
	}
	if plan.Format != 1 || plan.Production.Reference != production || plan.Production.Digest != "" {
		t.Errorf("the plan has format %d and production %+v", plan.Format, plan.Production)
	}
	if r := connect(t, reg.Ref("cli/format:v1-debug"), "--source", "registry"); r.code != cli.ExitOK {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}

	file = file.DeepCopy()
	file.Config.Labels[variants.LabelFormat], file.Config.Labels[variants.LabelVersion] = "2", "v9.9.9"
	later, err := mutate.ConfigFile(img, file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reg.Push(proctest.Context(t), "cli/format:v2-debug", later); err != nil {
		t.Fatal(err)
	}
	r := connect(t, reg.Ref("cli/format:v2-debug"), "--source", "registry")
	want := `has the label io.github.dlvgen.format="2": this dlvgen does not know it: use the dlvgen that derived the image, "v9.9.9"` + "\n"
	if r.code != cli.ExitFailure || r.stdout != "" || !strings.HasSuffix(r.stderr, want) || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("exit code %d, stdout %q, stderr %q, want a line with %q", r.code, r.stdout, r.stderr, want)
	}
}

// planOf reads the plan from its layer, the last.
func planOf(t *testing.T, img v1.Image) []byte {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	files, err := layers[len(layers)-1].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range testenv.Entries(files) {
		if err != nil {
			t.Fatal(err)
		}
		if path.Join("/", e.Name) == layout.Plan {
			return e.Content
		}
	}
	t.Fatal("the image has no plan")
	return nil
}
