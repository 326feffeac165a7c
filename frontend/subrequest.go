package frontend

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/derive/page"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests"
)

// keyRequest asks for something else than an image. These are questions of buildx's --call,
// which adds "frontend." to their names.
const keyRequest = "requestid"

// The keys of an answer, as those of BuildKit's own frontend.
const (
	answerJSON    = "result.json"
	answerText    = "result.txt"
	answerVersion = "version"
)

// VariantsRequest is the question which debug variants can be derived.
var VariantsRequest = subrequests.Request{
	Name:        "frontend.dlvgen.variants",
	Version:     "1.0.0",
	Type:        subrequests.TypeRPC,
	Description: "List the debug variants that dlvgen can derive",
	Opts:        []subrequests.Named{},
	Metadata:    []subrequests.Named{{Name: answerJSON}, {Name: answerText}},
}

// VariantList is the answer to VariantsRequest.
type VariantList struct {
	Variants []DescribedVariant `json:"variants"`
}

// DescribedVariant is what can be told of a variant without building.
type DescribedVariant struct {
	variants.Variant

	// Images has one for each platform.
	Images []derive.Explanation `json:"images"`
}

// answer answers a subrequest. Those of Dockerfiles are BuildKit's frontend's.
func (f *Frontend) answer(ctx context.Context, c client.Client, question string) (*client.Result, error) {
	switch question {
	case VariantsRequest.Name:
		return f.listVariants(ctx, c)
	case subrequests.RequestSubrequestsDescribe:
		return describe(ctx, c)
	}
	return builder.Build(ctx, c)
}

// describe lists the subrequests: those of BuildKit's frontend, and ours.
func describe(ctx context.Context, c client.Client) (*client.Result, error) {
	res, err := builder.Build(ctx, c)
	if err != nil {
		return nil, err
	}
	var all []subrequests.Request
	if err := json.Unmarshal(res.Metadata[answerJSON], &all); err != nil {
		return nil, fmt.Errorf("reading the list of subrequests: %w", err)
	}
	var text bytes.Buffer
	dt, err := json.MarshalIndent(append(all, VariantsRequest), "", "  ")
	if err == nil {
		err = subrequests.PrintDescribe(dt, &text)
	}
	if err != nil {
		return nil, fmt.Errorf("writing the list of subrequests: %w", err)
	}
	res.AddMeta(answerJSON, dt)
	res.AddMeta(answerText, text.Bytes())
	return res, nil
}

// listVariants explains the variant that is asked for, or each.
func (f *Frontend) listVariants(ctx context.Context, c client.Client) (*client.Result, error) {
	asked, err := ParseRequest(c.BuildOpts().Opts)
	if err != nil {
		return nil, fmt.Errorf("dlvgen: %w", err)
	}
	requests := []variants.Request{asked}
	if asked.Variant.Name == "" {
		requests = nil
		for _, v := range variants.Known() {
			one := asked
			one.Variant.Name = v.Name
			requests = append(requests, one)
		}
	}
	list := VariantList{}
	var text bytes.Buffer
	for _, r := range requests {
		if r, err = r.Complete(); err != nil {
			return nil, fmt.Errorf("dlvgen: %w", err)
		}
		explained, err := f.explain(ctx, c, r)
		if err != nil {
			return nil, err
		}
		one := DescribedVariant{Variant: r.Variant}
		for _, img := range explained {
			if text.Len() > 0 {
				text.WriteString("\n")
			}
			page.Write(&text, img.Explanation)
			one.Images = append(one.Images, img.Explanation)
		}
		list.Variants = append(list.Variants, one)
	}
	dt, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the list of variants: %w", err)
	}
	res := client.NewResult()
	res.AddMeta(answerJSON, visible.JSON(dt))
	res.AddMeta(answerText, text.Bytes())
	res.AddMeta(answerVersion, []byte(VariantsRequest.Version))
	return res, nil
}
