package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/bake"
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
	names := f.takeProduction(table)
	if _, given := f.suffixes[bake.Production]; given && f.Production {
		return nil, fmt.Errorf("--tag-suffix: the %s image has the tag of -t, without a suffix", bake.Production)
	}
	if len(names) == 0 && f.Production {
		return nil, nil
	}
	list, err := variants.Parse(strings.Join(names, ","), table)
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

// takeProduction takes the production image out of the names of variants, unless the
// project file has a variant of that name.
func (f *buildFlags) takeProduction(table []variants.Request) []string {
	names := strings.Split(strings.Join(f.variants, ","), ",")
	if slices.ContainsFunc(table, func(r variants.Request) bool { return r.Preset == bake.Production }) {
		return names
	}
	isProduction := func(name string) bool { return strings.TrimSpace(name) == bake.Production }
	f.Production = slices.ContainsFunc(names, isProduction)
	return slices.DeleteFunc(names, isProduction)
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
