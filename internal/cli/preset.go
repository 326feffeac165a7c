package cli

import (
	"fmt"
	"strings"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/pflag"
)

// preset is one variant that was asked for.
type preset struct {
	variants.Request

	// refs are its debug tags, one for each production reference.
	refs []registry.Reference
}

// presets are those that --variant names in the table of the project, with the
// flags applied: a flag that was given beats a preset, which beats the default.
func (f *buildFlags) presets(context string) (asked []preset, err error) {
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
	for _, r := range list {
		if r, err = f.override(r); err != nil {
			return nil, err
		}
		asked = append(asked, preset{Request: r})
	}
	return asked, nil
}

// override puts the flags that were given in the place of a preset's answers.
func (f *buildFlags) override(r variants.Request) (variants.Request, error) {
	frontend.Settings(&r).VisitAll(func(field *pflag.Flag) {
		if given := f.set.Lookup(field.Name); given.Changed {
			_ = field.Value.Set(given.Value.String()) // it took the value when it was given
		}
	})
	return r.Complete()
}
