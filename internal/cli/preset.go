package cli

import (
	"fmt"
	"strings"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/pflag"
)

// presets are those that --variant names in the table of the project, with the
// flags applied: a flag that was given beats a preset, which beats the default.
func (f *buildFlags) presets() ([]variants.Request, error) {
	table, err := projectTable(f.config, f.Context)
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
	for i, r := range list {
		if list[i], err = f.override(r); err != nil {
			return nil, err
		}
	}
	return list, nil
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
