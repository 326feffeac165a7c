package cli

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/moby/sys/atomicwriter"
)

// report writes what was derived to stdout and to the metadata file.
func (b *builder) report(results []*result) error {
	if b.metadataFile != "" && !b.dryRun {
		if err := writeMetadata(b.metadataFile, results); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(b.outputs, func(o output) bool { return o.dest == "-" }) && !b.dryRun {
		// stdout has the image.
		return nil
	}
	if b.format == formatJSON {
		list := []record{}
		for _, res := range results {
			list = append(list, b.records(res)...)
		}
		return writeJSON(b.streams.out, list)
	}
	return b.reportText(results)
}

func (b *builder) reportText(results []*result) error {
	for _, res := range results {
		if b.presets[0].PrintLLB {
			for _, tree := range values(res.meta, frontend.MetaLLB) {
				if _, err := fmt.Fprintf(b.streams.out, "%s\n", strings.TrimRight(visible.Lines(string(tree)), "\n")); err != nil {
					return err
				}
			}
		}
		if b.dryRun {
			for _, plan := range values(res.meta, frontend.MetaPlan) {
				if _, err := fmt.Fprintf(b.streams.out, "%s\n", strings.TrimRight(string(visible.JSON(plan)), "\n")); err != nil {
					return err
				}
			}
			continue
		}
		if res.digest() == "" {
			continue
		}
		for _, name := range res.names() {
			if _, err := fmt.Fprintf(b.streams.out, "%s@%s\n", name, res.digest()); err != nil {
				return err
			}
		}
	}
	return nil
}

// record is one debug image in the output of --format json.
type record struct {
	Variant string   `json:"variant"`
	Ref     string   `json:"ref,omitempty"`
	Digest  string   `json:"digest,omitempty"`
	Files   []string `json:"files,omitempty"`

	// Plans has one plan for each platform, in a dry run.
	Plans []json.RawMessage `json:"plans,omitempty"`
	LLB   []string          `json:"llb,omitempty"`
}

// records are one for each debug tag, and one for a variant that has none.
func (b *builder) records(res *result) []record {
	base := record{Variant: res.Preset, Digest: res.digest(), Files: res.dests}
	if b.dryRun {
		for _, plan := range values(res.meta, frontend.MetaPlan) {
			base.Plans = append(base.Plans, plan)
		}
	}
	for _, tree := range values(res.meta, frontend.MetaLLB) {
		base.LLB = append(base.LLB, string(tree))
	}
	if len(res.refs) == 0 {
		return []record{base}
	}
	var list []record
	for _, name := range res.names() {
		one := base
		one.Ref = name
		list = append(list, one)
	}
	return list
}

// values are those of key, or of key and each platform, in the order of platforms.
func values(meta map[string][]byte, key string) [][]byte {
	var keys []string
	for k := range meta {
		if k == key || strings.HasPrefix(k, key+"/") {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var list [][]byte
	for _, k := range keys {
		list = append(list, meta[k])
	}
	return list
}

// writeMetadata writes the exporters' answers by variant, in the shape in which
// `docker buildx bake --metadata-file` writes them by target.
func writeMetadata(path string, results []*result) error {
	all := map[string]map[string]any{}
	for _, res := range results {
		answer := decodeResponse(res.response)
		if len(res.refs) > 0 && res.digest() != "" {
			answer["image.name"] = strings.Join(res.names(), ",")
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
