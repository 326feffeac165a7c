package variants

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// All stands for every preset of a table.
const All = "all"

// presetPattern is what a preset may be called: it stands in lists, separated by
// commas, and in progress displays.
var presetPattern = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*$`)

// Table is the table of variants with presets of the user's own behind it. One
// that is named as a variant of the table changes that row, and its empty base and
// suffix are the row's.
func Table(own ...Request) ([]Request, error) {
	var table []Request
	for _, v := range Known() {
		table = append(table, NewRequest(v))
	}
	for _, r := range own {
		i := slices.IndexFunc(table, func(row Request) bool { return row.Preset == r.Preset })
		if i < 0 {
			i, table = len(table), append(table, r)
		}
		r.Variant.Name = cmp.Or(r.Variant.Name, table[i].Variant.Name)
		r.Variant.Suffix = cmp.Or(r.Variant.Suffix, table[i].Variant.Suffix)
		var err error
		if table[i], err = r.completeOwn(); err != nil {
			return nil, err
		}
	}
	return table, distinct(table)
}

// completeOwn is Complete for a preset of the user's, which has to say what it is.
func (r Request) completeOwn() (Request, error) {
	if err := CheckPreset(r.Preset); err != nil {
		return r, fmt.Errorf("a variant cannot be called %q: %w", r.Preset, err)
	}
	if r.Variant.Name == "" {
		return r, fmt.Errorf("variant %s has no base: set base to one of %s", r.Preset, strings.Join(Names(), ", "))
	}
	if r.Variant.Suffix == "" {
		return r, fmt.Errorf("variant %s has no suffix for its tag: set suffix, such as %q", r.Preset, "-debug-"+r.Preset)
	}
	if err := CheckSuffix(r.Variant.Suffix); err != nil {
		return r, fmt.Errorf("the suffix %q of variant %s cannot be used: %w", r.Variant.Suffix, r.Preset, err)
	}
	complete, err := r.Complete()
	if err != nil {
		return r, fmt.Errorf("variant %s: %w", r.Preset, err)
	}
	return complete, nil
}

var errCharacters = errors.New("it may have letters, digits, dots, dashes and underscores only")

// CheckPreset tells what the name of a preset must be.
func CheckPreset(name string) error {
	if presetPattern.MatchString(name) && name != All {
		return nil
	}
	return errCharacters
}

// CheckSuffix tells what the suffix of a tag must be, or the [Template] in its place.
func CheckSuffix(suffix string) error {
	_, err := ParseTemplate(suffix)
	return err
}

// Parse returns the presets of a table that a comma-separated list names, each
// once, in the order of the table. "all" names every one.
func Parse(list string, table []Request) ([]Request, error) {
	var names []string
	for _, r := range table {
		names = append(names, r.Preset)
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
	return slices.DeleteFunc(slices.Clone(table), func(r Request) bool { return !asked[r.Preset] }), nil
}

// WithSuffixes returns requests with suffixes or templates of the user's own, by the preset's
// name. No two may share one.
func WithSuffixes(list []Request, suffixes map[string]string) ([]Request, error) {
	changed := slices.Clone(list)
	for name, suffix := range suffixes {
		i := slices.IndexFunc(changed, func(r Request) bool { return r.Preset == name })
		if i < 0 {
			return nil, fmt.Errorf("a suffix for variant %q, which is not built: name it in --variant too", name)
		}
		changed[i].Variant.Suffix = suffix
		complete, err := changed[i].completeOwn()
		if err != nil {
			return nil, err
		}
		changed[i].Variant.Suffix = complete.Variant.Suffix
	}
	return changed, distinct(changed)
}

// distinct reports two presets with one suffix: their tags would be the same, or their files.
func distinct(list []Request) error {
	owner, files := map[string]string{}, map[string]string{}
	for _, r := range list {
		t, err := r.Template()
		if err != nil {
			return err
		}
		if other, taken := owner[t.Whole()]; taken {
			return fmt.Errorf("variants %s and %s would have the same suffix %q", other, r.Preset, r.Variant.Suffix)
		}
		if other, taken := files[r.FileSuffix()]; taken {
			return fmt.Errorf("files of variants %s and %s would have the same suffix %q: choose another --tag-suffix for one of them", other, r.Preset, r.FileSuffix())
		}
		owner[t.Whole()], files[r.FileSuffix()] = r.Preset, r.Preset
	}
	return nil
}
