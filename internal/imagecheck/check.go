// Package imagecheck checks what a debug image promises, by the image itself and by the
// production image. Both may be anybody's.
package imagecheck

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Result is what became of a check.
type Result string

// The results.
const (
	OK         Result = "ok"
	Failed     Result = "failed"
	NotChecked Result = "not checked"
)

// Check is one promise.
type Check struct {
	Name   string `json:"check"`
	Result Result `json:"result"`
	Detail string `json:"detail"`

	// All are what Detail has the first of, maxNamed of them at most.
	All []string `json:"all,omitempty"`
}

const maxNamed = 1000

func (c Check) with(all []string) Check {
	c.All = all[:min(len(all), maxNamed)]
	return c
}

func passed(name, format string, args ...any) Check {
	return Check{Name: name, Result: OK, Detail: fmt.Sprintf(format, args...)}
}

func failed(name, format string, args ...any) Check {
	return Check{Name: name, Result: Failed, Detail: short(fmt.Sprintf(format, args...))}
}

// short cuts what whoever pushed an image may have made long.
func short(text string) string {
	const most = 1000
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

// Input is an image with what is known of it.
type Input struct {
	Image v1.Image
	Plan  *variants.Plan

	// Production is nil where it is not known. Files asks for a comparison of all files.
	Production v1.Image
	Files      bool

	Pinned Pinned

	// Version is this dlvgen's.
	Version string
}

// Image checks one image. The error is that of reading it, or production.
func Image(in Input) ([]Check, error) {
	dir, err := os.MkdirTemp("", "dlvgen-verify-")
	if err != nil {
		return nil, fmt.Errorf("keeping the files of an image: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	c, err := read(in, dir)
	if err != nil {
		return nil, err
	}
	config, err := checkConfig(in)
	if err != nil {
		return nil, err
	}
	program, err := c.checkProgram()
	if err != nil {
		return nil, err
	}
	debugger, err := c.checkDebugger(in.Pinned)
	if err != nil {
		return nil, err
	}
	sources, err := c.checkSources()
	if err != nil {
		return nil, err
	}
	secrets := c.checkSecrets()
	files, err := c.checkFiles()
	if err != nil {
		return nil, err
	}
	// The plan's is the last, as it leaves out what another one has found.
	return []Check{checkLabels(c.config, in.Plan), c.checkPlan(), config, program, debugger, sources, secrets, files}, nil
}

// checkLabels compares what the labels say with the plan.
func checkLabels(config *v1.ConfigFile, plan *variants.Plan) Check {
	const name = "labels"
	if _, err := variants.ParseLabels(config.Config.Labels); err != nil {
		return failed(name, "%s", err)
	}
	want, err := plan.Labels()
	if err != nil {
		return failed(name, "%s", err)
	}
	names := slices.Collect(maps.Keys(want))
	for label := range config.Config.Labels {
		if variants.OurLabel(label) {
			names = append(names, label)
		}
	}
	slices.Sort(names)
	for _, label := range names {
		got, there := config.Config.Labels[label]
		if !there && variants.LaterLabel(label) {
			continue // the image is of the first dlvgens
		}
		if label == variants.LabelPaths && sameJSON(got, want[label]) {
			continue
		}
		if got != want[label] {
			return failed(name, "%s is %q in the labels, and %q in the plan", strings.TrimPrefix(label, variants.LabelPrefix), got, want[label])
		}
	}
	return passed(name, "they say what the plan says")
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}
