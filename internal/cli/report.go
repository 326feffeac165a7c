package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/moby/sys/atomicwriter"
)

// report writes what was derived to stdout and to the metadata file.
func (s streams) report(flags *buildFlags, r *bake.Request, results []*bake.Result) error {
	if flags.metadataFile != "" && !flags.DryRun {
		if err := writeMetadata(flags.metadataFile, results); err != nil {
			return err
		}
	}
	if r.ToStdout() && !flags.DryRun {
		// stdout has the image.
		return nil
	}
	if flags.format == formatJSON {
		list := []record{}
		for _, res := range results {
			list = append(list, recordsOf(res, flags.DryRun)...)
		}
		return writeJSON(s.out, list)
	}
	return s.reportText(results, flags.DryRun)
}

func (s streams) reportText(results []*bake.Result, dryRun bool) error {
	var b bytes.Buffer
	for _, res := range results {
		if res.PrintLLB {
			for _, tree := range res.Trees() {
				fmt.Fprintf(&b, "%s\n", strings.TrimRight(visible.Lines(string(tree)), "\n"))
			}
		}
		if dryRun {
			for _, plan := range res.Plans() {
				fmt.Fprintf(&b, "%s\n", strings.TrimRight(string(visible.JSON(plan)), "\n"))
			}
			continue
		}
		if res.Digest() == "" {
			continue
		}
		for _, name := range res.Names() {
			fmt.Fprintf(&b, "%s@%s\n", name, res.Digest())
		}
	}
	_, err := s.out.Write(b.Bytes())
	return err
}

// record is one debug image in the output of --format json.
type record struct {
	Variant string   `json:"variant"`
	Ref     string   `json:"ref,omitempty"`
	Digest  string   `json:"digest,omitempty"`
	Files   []string `json:"files,omitempty"`

	// Production is the digest of the production image that Ref is linked with.
	Production string `json:"production,omitempty"`

	// Platforms are the images of an index that was pushed.
	Platforms []bake.PlatformImage `json:"platforms,omitempty"`

	// Plans has one plan for each platform, in a dry run.
	Plans []json.RawMessage `json:"plans,omitempty"`
	LLB   []string          `json:"llb,omitempty"`
}

// recordsOf are one for each debug tag, and one for a variant that has none.
func recordsOf(res *bake.Result, dryRun bool) []record {
	base := record{Variant: res.Preset, Digest: res.Digest(), Files: res.Files, Platforms: res.Platforms}
	if dryRun {
		for _, plan := range res.Plans() {
			base.Plans = append(base.Plans, plan)
		}
	}
	for _, tree := range res.Trees() {
		base.LLB = append(base.LLB, string(tree))
	}
	if len(res.Refs) == 0 {
		return []record{base}
	}
	var list []record
	for _, ref := range res.Refs {
		one := base
		one.Ref, one.Production = ref.Familiar(), res.ProductionDigest(ref)
		list = append(list, one)
	}
	return list
}

// writeMetadata writes the exporters' answers by variant, in the shape in which
// `docker buildx bake --metadata-file` writes them by target.
func writeMetadata(path string, results []*bake.Result) error {
	all := map[string]map[string]any{}
	for _, res := range results {
		answer := decodeResponse(res.Response)
		if len(res.Refs) > 0 && res.Digest() != "" {
			answer["image.name"] = strings.Join(res.Names(), ",")
		}
		all[res.Preset] = answer
	}
	data, err := encode(all)
	if err != nil {
		return err
	}
	if err := atomicwriter.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("writing the metadata: %w", err)
	}
	return nil
}

// decodeResponse turns the values that are base64 of JSON objects into these.
func decodeResponse(response map[string]string) map[string]any {
	answer := map[string]any{}
	for key, value := range response {
		answer[key] = value
		data, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			continue
		}
		if text := strings.TrimSpace(string(data)); (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[{")) && json.Valid(data) {
			answer[key] = json.RawMessage(data)
		}
	}
	return answer
}
