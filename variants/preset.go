package variants

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// All stands for every preset of a table.
const All = "all"

// Preset is a variant with answers to some of the questions that can be asked of
// any: one of the table of variants, or one of the user's own.
type Preset struct {
	// Name is what users write: --variant=NAME.
	Name string `json:"name" yaml:"-"`

	// Base is the name of the variant that it is made from.
	Base string `json:"base" yaml:"base"`

	// Suffix is what its tag adds to production's.
	Suffix string `json:"suffix" yaml:"suffix"`

	Axes `yaml:",inline"`
}

// Axes are what can be asked of every variant. Empty values ask for nothing: the
// variant's own answer or the default stands.
type Axes struct {
	Sources  Sources `json:"sources,omitempty" yaml:"sources"`
	Start    Start   `json:"start,omitempty" yaml:"start"`
	Entry    Entry   `json:"entry,omitempty" yaml:"entry"`
	Optimize bool    `json:"optimize,omitempty" yaml:"optimize"`
	Listen   string  `json:"listen,omitempty" yaml:"listen"`
	Program  string  `json:"program,omitempty" yaml:"program"`
	Delve    string  `json:"delve,omitempty" yaml:"delve"`

	Rebuild      Rebuild `json:"rebuild,omitempty" yaml:"rebuild"`
	RebuildImage string  `json:"rebuildImage,omitempty" yaml:"rebuild-image"`
}

// presetPattern is what a preset may be called: it stands in lists, separated by
// commas, and in progress displays.
var presetPattern = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*$`)

// suffixPattern is what may follow the first character of a tag
// (distribution-spec, "Pulling manifests").
var suffixPattern = regexp.MustCompile(`^[\w.-]+$`)

// Table is the table of variants with presets of the user's own behind it. One
// that is named as a variant of the table changes that row, and its empty Base and
// Suffix are the row's.
func Table(own ...Preset) ([]Preset, error) {
	var table []Preset
	for _, v := range Known() {
		table = append(table, Preset{Name: v.Name, Base: v.Name, Suffix: v.Suffix})
	}
	for _, p := range own {
		i := slices.IndexFunc(table, func(row Preset) bool { return row.Name == p.Name })
		if i >= 0 && p.Base == "" {
			p.Base = table[i].Base
		}
		if i >= 0 && p.Suffix == "" {
			p.Suffix = table[i].Suffix
		}
		if err := p.validate(); err != nil {
			return nil, err
		}
		if i >= 0 {
			table[i] = p
		} else {
			table = append(table, p)
		}
	}
	return table, distinct(table)
}

// validate reports the first value of the user's that cannot be honoured.
func (p Preset) validate() error {
	if !presetPattern.MatchString(p.Name) || p.Name == All {
		return fmt.Errorf("a variant cannot be called %q: letters, digits, dots, dashes and underscores can stand in a name", p.Name)
	}
	if p.Base == "" {
		return fmt.Errorf("variant %s does not say which variant it is made from: set base to one of %s", p.Name, strings.Join(Names(), ", "))
	}
	if p.Suffix == "" {
		return fmt.Errorf("variant %s has no suffix for its tag: set suffix, such as %q", p.Name, "-debug-"+p.Name)
	}
	if err := checkSuffix(p.Name, p.Suffix); err != nil {
		return err
	}
	r, err := p.Request()
	if err == nil {
		err = r.Validate()
	}
	if err != nil {
		return fmt.Errorf("variant %s: %w", p.Name, err)
	}
	return nil
}

func checkSuffix(name, suffix string) error {
	if !suffixPattern.MatchString(suffix) {
		return fmt.Errorf("the suffix %q of variant %s cannot stand in a tag: letters, digits, dots, dashes and underscores can", suffix, name)
	}
	return nil
}

// Request is what the preset asks, with the defaults.
func (p Preset) Request() (Request, error) {
	v, err := ByName(p.Base)
	if err != nil {
		return Request{}, err
	}
	v.Suffix = p.Suffix
	return NewRequest(v, p.Axes), nil
}

// Parse returns the presets of a table that a comma-separated list names, each
// once, in the order of the table. "all" names every one.
func Parse(list string, table []Preset) ([]Preset, error) {
	var names []string
	for _, p := range table {
		names = append(names, p.Name)
	}
	asked := map[string]bool{}
	for _, name := range strings.Split(list, ",") {
		name = strings.TrimSpace(name)
		switch {
		case name == All:
			return slices.Clone(table), nil
		case !slices.Contains(names, name):
			return nil, fmt.Errorf("unknown variant %q: did you mean %q? The variants are %s, or %s",
				name, Nearest(name, append(names, All)), strings.Join(names, ", "), All)
		}
		asked[name] = true
	}
	return slices.DeleteFunc(slices.Clone(table), func(p Preset) bool { return !asked[p.Name] }), nil
}

// WithSuffixes returns presets with suffixes of the user's own, by the preset's
// name. No two may share one.
func WithSuffixes(list []Preset, suffixes map[string]string) ([]Preset, error) {
	changed := slices.Clone(list)
	for name, suffix := range suffixes {
		i := slices.IndexFunc(changed, func(p Preset) bool { return p.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("a suffix for variant %q, which is not built: name it in --variant too", name)
		}
		if err := checkSuffix(name, suffix); err != nil {
			return nil, err
		}
		changed[i].Suffix = suffix
	}
	return changed, distinct(changed)
}

// distinct reports two presets with one suffix: their tags would be the same.
func distinct(list []Preset) error {
	owner := map[string]string{}
	for _, p := range list {
		if other, taken := owner[p.Suffix]; taken {
			return fmt.Errorf("variants %s and %s would have the same suffix %q", other, p.Name, p.Suffix)
		}
		owner[p.Suffix] = p.Name
	}
	return nil
}

// Tag derives the preset's tag from production's: "v1" and "-debug" give
// "v1-debug". An empty production tag means "latest". The registry's limit is 128
// characters (distribution-spec, "Pulling manifests").
func (p Preset) Tag(production string) (string, error) {
	if production == "" {
		production = "latest"
	}
	tag := production + p.Suffix
	if len(tag) > 128 {
		return "", fmt.Errorf("the tag %q of variant %s is longer than the 128 characters that registries take: shorten the production tag %q",
			tag, p.Name, production)
	}
	return tag, nil
}
