package frontend

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/llbgen/llbtree"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
)

// Keys of a result's metadata: the plan as JSON, a [derive.Explanation] as JSON, the
// definitions as text trees, and an ejected Dockerfile. A build for several platforms appends "/" and the platform.
const (
	MetaPlan        = "dlvgen.plan"
	MetaExplanation = "dlvgen.explanation"
	MetaLLB         = "dlvgen.llb"
	MetaDockerfile  = "dlvgen.dockerfile"
)

// replace puts a debug image in the place of its production image. The metadata that it
// does not speak of stays.
func replace(res *client.Result, img *derive.Image, r variants.Request) error {
	suffix := img.Production.Suffix
	config, err := json.Marshal(img.Plan.Config)
	if err != nil {
		return fmt.Errorf("encoding the image config: %w", err)
	}
	res.AddMeta(exptypes.ExporterImageConfigKey+suffix, config)
	res.AddMeta(MetaPlan+suffix, img.PlanJSON)
	if suffix == "" {
		res.SetRef(img.Ref)
	} else {
		res.AddRef(strings.TrimPrefix(suffix, "/"), img.Ref)
	}
	for i, scan := range img.Scans {
		res.Attestations[img.Production.ID][i].Ref = scan
	}
	if r.PrintLLB {
		return addTrees(res, suffix, img.Production.Solve.Definition, r.Preset, img.Definition)
	}
	return nil
}

// addExplanation adds an explanation, and the trees where they are asked for.
func addExplanation(res *client.Result, e derive.Explained) error {
	dt, err := json.MarshalIndent(e.Explanation, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the explanation: %w", err)
	}
	res.AddMeta(MetaExplanation+e.Production.Suffix, dt)
	if e.Instrumented == nil {
		return nil
	}
	return addTrees(res, e.Production.Suffix, e.Production.Solve.Definition, "instrumented", e.Instrumented)
}

// addTrees prints the production definition, and what becomes of it.
func addTrees(res *client.Result, suffix string, before *pb.Definition, name string, after *pb.Definition) error {
	production, err := llbtree.Format(before)
	if err != nil {
		return err
	}
	text, err := llbtree.Format(after)
	res.AddMeta(MetaLLB+suffix, []byte("production:\n"+production+"\n"+name+":\n"+text))
	return err
}
