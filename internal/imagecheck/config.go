package imagecheck

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// checkConfig compares the image's config with the plan's, and with what production's is with
// the announced differences.
func checkConfig(in Input) (Check, error) {
	const name = "config"
	got, err := configOf(in.Image)
	if err != nil {
		return Check{}, err
	}
	if in.Plan.Config == nil {
		return failed(name, "the plan has none"), nil
	}
	if what := differs(got, in.Plan.Config); what != "" {
		return failed(name, "%s is not what the plan says", what), nil
	}
	if what := differentTimes(got.History, in.Plan.Config.History, got.Created); what != "" || !sameTime(got.Created, in.Plan.Config.Created) {
		return failed(name, "%s is of another time than the plan says", cmp.Or(what, "the image")), nil
	}
	if in.Production == nil {
		return Check{Name: name, Result: NotChecked, Detail: "it is what the plan says; name the production image with --production to compare it"}, nil
	}
	production, err := configOf(in.Production)
	if err != nil {
		return Check{}, fmt.Errorf("production: %w", err)
	}
	want, err := in.Plan.ConfigOf(production)
	if err != nil {
		return failed(name, "production cannot have this debug image: %s", err), nil
	}
	if in.Plan.Version != in.Version && in.Plan.Request.Entry == variants.EntryCmd {
		want.Config.Cmd = got.Config.Cmd // another version of dlvgen may give other flags
	}
	if what := differs(got, want); what != "" {
		return failed(name, "%s is not production's with the announced differences", what), nil
	}
	if !startsAsProduction(in.Plan, production) {
		return failed(name, "the program is not started with production's arguments"), nil
	}
	if what := differentTimes(got.History[:min(len(got.History), len(production.History))], production.History, got.Created); what != "" {
		return failed(name, "%s is of another time than in production", what), nil
	}
	return passed(name, "production's, but for what the plan announces"), nil
}

func configOf(img v1.Image) (*dockerspec.DockerOCIImage, error) {
	dt, err := img.RawConfigFile()
	if err != nil {
		return nil, err
	}
	config := &dockerspec.DockerOCIImage{}
	if err := json.Unmarshal(dt, config); err != nil {
		return nil, fmt.Errorf("decoding the config: %w", err)
	}
	return config, nil
}

// startsAsProduction says that the debugger starts what production's command starts, where
// it stands in the command.
func startsAsProduction(plan *variants.Plan, production *dockerspec.DockerOCIImage) bool {
	if plan.Request.Variant.Kind != variants.KindRemote || plan.Request.Entry != variants.EntryCmd {
		return true
	}
	words := slices.Concat(production.Config.Entrypoint, production.Config.Cmd)
	rest, ok := words, len(words) > len(plan.Prefix)
	if ok {
		ok, rest = slices.Equal(words[:len(plan.Prefix)], plan.Prefix), words[len(plan.Prefix)+1:]
	}
	return ok && slices.Equal(rest, plan.Program.Args)
}

// differs names the first field in which two configs differ, but for the times, the layers
// and the labels of dlvgen's, which are for other checks.
func differs(got, want *dockerspec.DockerOCIImage) string {
	a, b := fieldsOf(got), fieldsOf(want)
	keys := slices.Collect(maps.Keys(a))
	for key := range b {
		if _, both := a[key]; !both {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		if !reflect.DeepEqual(a[key], b[key]) {
			return key
		}
	}
	return ""
}

// fieldsOf are the fields of a config that are not empty, by name.
func fieldsOf(config *dockerspec.DockerOCIImage) map[string]any {
	c := *config
	c.Created, c.RootFS = nil, ocispecs.RootFS{}
	c.History = slices.Clone(c.History)
	for i := range c.History {
		c.History[i].Created = nil
	}
	c.Config.Labels = maps.Clone(c.Config.Labels)
	maps.DeleteFunc(c.Config.Labels, func(name, _ string) bool { return variants.OurLabel(name) })
	c.Config.ArgsEscaped = false //nolint:staticcheck // deprecated, and set by old Windows images only
	fields := map[string]any{}
	add := func(value any, prefix string) {
		dt, err := json.Marshal(value)
		if err != nil {
			return
		}
		var all map[string]any
		if err := json.Unmarshal(dt, &all); err != nil {
			return
		}
		for name, field := range all {
			if !empty(field) && name != "config" && name != "rootfs" {
				fields[prefix+name] = field
			}
		}
	}
	add(c, "")
	add(c.Config, "config.")
	return fields
}

func empty(field any) bool {
	switch f := field.(type) {
	case nil:
		return true
	case string:
		return f == ""
	case bool:
		return !f
	case []any:
		return len(f) == 0
	case map[string]any:
		return len(f) == 0
	}
	return false
}

// differentTimes names the first step whose time is neither the other's nor the image's: times
// that production's build took from the clock are fixed.
func differentTimes(got, want []ocispecs.History, fixed *time.Time) string {
	for i, h := range got {
		if i < len(want) && !sameTime(h.Created, want[i].Created) && !sameTime(h.Created, fixed) {
			return fmt.Sprintf("%q", strings.TrimSpace(h.CreatedBy))
		}
	}
	return ""
}

func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}
