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
func rebuiltPlan(t *testing.T, e variants.Entry) *variants.Plan {
	t.Helper()
	v, err := variants.ByName("remote")
	if err != nil {
		t.Fatal(err)
	}
	r := variants.NewRequest(v)
	r.Entry = e
	p, err := variants.New(variants.Input{
		Request: r,
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
	p := rebuiltPlan(t, "")
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
	if p := rebuiltPlan(t, variants.EntryInplace); p.Replaces() || slices.ContainsFunc(p.Layers, replaces) {
		t.Errorf("inplace: the layers are %v", p.Layers)
	}
}

func TestRebuildIsOneOfItsAnswers(t *testing.T) {
	for _, answer := range variants.Rebuilds() {
		r := variants.Rebuild(answer)
		if err := r.Check(); err != nil || r.On() != (answer != "off") {
			t.Errorf("%q: %v, on: %t", answer, err, r.On())
		}
	}
	if none := variants.Rebuild(""); none.On() {
		t.Error("on without an answer")
	}
	err := variants.Rebuild("yes").Check()
	if err == nil || err.Error() != `it must be one of off, auto, context, module` {
		t.Errorf("yes: %v", err)
	}
}
