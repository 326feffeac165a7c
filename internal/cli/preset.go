package cli

import (
	"fmt"
	"strings"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/variants"
)

// presets are those that --variant names in the table of the project, with the
// flags applied: a flag that was given beats a preset, which beats the default.
func (f *buildFlags) presets(context string) ([]variants.Preset, error) {
	table, err := projectTable(f.config, context)
	if err != nil {
		return nil, err
	}
	list, err := variants.Parse(strings.Join(f.variants, ","), table)
	if err != nil {
		return nil, err
	}
	if list, err = variants.WithSuffixes(list, f.suffixes); err != nil {
		return nil, fmt.Errorf("--tag-suffix: %w", err)
	}
	for i := range list {
		f.override(&list[i].Axes)
		r, err := list[i].Request()
		if err != nil {
			return nil, err
		}
		if err := r.Validate(); err != nil {
			// The table was in order, so it is a flag that is not.
			return nil, fmt.Errorf("--%w", err)
		}
	}
	return list, nil
}

// override puts the flags that were given in the place of a preset's answers.
func (f *buildFlags) override(a *variants.Axes) {
	o := f.options
	for name, take := range map[string]func(){
		"sources":  func() { a.Sources = variants.Sources(o.Sources) },
		"start":    func() { a.Start = variants.Start(o.Start) },
		"entry":    func() { a.Entry = variants.Entry(o.Entry) },
		"optimize": func() { a.Optimize = o.Optimize },
		"listen":   func() { a.Listen = o.Listen },
		"program":  func() { a.Program = o.Program },
		"delve":    func() { a.Delve = o.Delve },
		"rebuild":  func() { a.Rebuild = variants.Rebuild(o.Rebuild) },

		"rebuild-image": func() { a.RebuildImage = o.RebuildImage },
	} {
		if f.set.Changed(name) {
			take()
		}
	}
}

// optionsOf are the frontend's options for a preset.
func (f *buildFlags) optionsOf(p variants.Preset) frontend.Options {
	o := f.options
	o.Variant = p.Base
	o.Sources, o.Entry, o.Optimize = string(p.Sources), string(p.Entry), p.Optimize
	o.Program, o.Delve = p.Program, p.Delve
	o.Rebuild, o.RebuildImage = string(p.Rebuild), p.RebuildImage
	defaults := frontend.DefaultOptions()
	if o.Start = string(p.Start); o.Start == "" {
		o.Start = defaults.Start
	}
	o.Listen = p.Listen
	return o
}
