package variants_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/variants"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// rebuiltPlan is the plan of a program that was compiled again.
func rebuiltPlan(t *testing.T, a variants.Axes) *variants.Plan {
	t.Helper()
	v, err := variants.ByName("remote")
	if err != nil {
		t.Fatal(err)
	}
	p, err := variants.New(variants.Input{
		Request: variants.NewRequest(v, a),
		Config:  &dockerspec.DockerOCIImage{Image: ocispecs.Image{Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"}}},
		Program: variants.Program{
			Path: "/server", File: "/server", GoVersion: "go1.26.8",
			Rebuilt: &variants.Rebuilt{From: variants.RebuildModule, Version: "v1.2.3"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestARebuiltProgramIsALayerAndALabel(t *testing.T) {
	p := rebuiltPlan(t, variants.Axes{})
	if got := p.Config.Config.Labels[variants.LabelRebuilt]; got != "module@v1.2.3" {
		t.Errorf("the label is %q", got)
	}
	replaces := func(l variants.Layer) bool {
		return l.Files == "/server" && strings.Contains(l.Description, "compiled again")
	}
	if !p.Replaces() || !slices.ContainsFunc(p.Layers, replaces) {
		t.Errorf("the layers are %v", p.Layers)
	}
	// The launcher's layer has the program then.
	if p := rebuiltPlan(t, variants.Axes{Entry: variants.EntryInplace}); p.Replaces() || slices.ContainsFunc(p.Layers, replaces) {
		t.Errorf("inplace: the layers are %v", p.Layers)
	}
}

func TestRebuildIsOneOfItsAnswers(t *testing.T) {
	v, err := variants.ByName("remote")
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range append(variants.Rebuilds(), "") {
		r := variants.NewRequest(v, variants.Axes{Rebuild: variants.Rebuild(answer)})
		if err := r.Validate(); err != nil || r.Rebuild.On() != (answer != "" && answer != "off") {
			t.Errorf("%q: %v, on: %t", answer, err, r.Rebuild.On())
		}
	}
	err = variants.NewRequest(v, variants.Axes{Rebuild: "yes"}).Validate()
	if err == nil || err.Error() != `rebuild is "yes": it must be one of off, auto, context, module` {
		t.Errorf("yes: %v", err)
	}
}
