package frontend_test

import (
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
)

func TestAnOptimizedProgramIsDebuggedAsItIs(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	ctx := deadline(t)
	bk, reg, engine := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.SharedDocker(t)
	ref := reg.Ref("axes/hello:v1-debug-optimized")
	o := variant("remote")
	o.Optimize = true
	mustDerive(ctx, t, bk, derivation{service: testenv.Service(t, "hello"), options: o, push: ref})
	c := start(ctx, t, engine, ref)
	d := c.connect(ctx, t)
	state, err := d.HitFunction(ctx, "main.handler", c.request)
	if err != nil {
		t.Fatal(err)
	}
	if f := state.CurrentThread.Function; f == nil || !f.Optimized {
		t.Errorf("stopped in %+v, want an optimized function", f)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestTheAskedDelveIsInTheImage(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	o := variant("attach")
	o.Delve, o.Variant.Sources = "1.27.2", variants.SourcesExcluded
	mustDerive(ctx, t, bk, derivation{service: testenv.Service(t, "hello"), options: o, push: reg.Ref("axes/hello:v1-delve")})
	img, err := reg.Image(ctx, "axes/hello:v1-delve")
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	labels := file.Config.Labels
	if labels[variants.LabelDelve] != "1.27.2" || labels[variants.LabelSources] != "excluded" || labels[variants.LabelKind] != "attach" {
		t.Errorf("the labels are %v", labels)
	}
	o.Delve = "1.22.1"
	if _, err := tryDerive(ctx, t, bk, derivation{service: testenv.Service(t, "hello"), options: o}); err == nil {
		t.Error("a Delve that is too old for the program's Go is taken")
	}
}
