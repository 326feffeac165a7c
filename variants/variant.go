// Package variants decides what a debug variant is: which of them there are, what
// their tags are called, and how a production image becomes one of them. It is
// pure: no I/O, no clock, no environment, no randomness.
package variants

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Sources says whether a variant carries the sources that were compiled.
type Sources string

// The two answers.
const (
	SourcesExcluded Sources = "excluded"
	SourcesBaked    Sources = "baked"
)

// Variant is one row of the table of variants.
type Variant struct {
	// Name is what users write: --variant=remote-src.
	Name string `json:"name"`

	// Suffix is what its tag adds to production's: "-debug-src".
	Suffix string `json:"suffix"`

	Sources Sources `json:"sources"`
}

// Known lists the variants, in the order in which they are documented.
func Known() []Variant {
	return []Variant{
		{Name: "remote", Suffix: "-debug", Sources: SourcesExcluded},
		{Name: "remote-src", Suffix: "-debug-src", Sources: SourcesBaked},
	}
}

// Names lists the names of all variants.
func Names() []string {
	var names []string
	for _, v := range Known() {
		names = append(names, v.Name)
	}
	return names
}

// ByName returns the variant of that name. The error lists the names there are,
// the nearest first.
func ByName(name string) (Variant, error) {
	for _, v := range Known() {
		if v.Name == name {
			return v, nil
		}
	}
	return Variant{}, fmt.Errorf("unknown variant %q: did you mean %q? The variants are %s",
		name, Nearest(name, Names()), strings.Join(Names(), ", "))
}

// Parse returns the variants that a comma-separated list names, each once, in the
// order of the table.
func Parse(list string) ([]Variant, error) {
	asked := map[string]bool{}
	for _, name := range strings.Split(list, ",") {
		v, err := ByName(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		asked[v.Name] = true
	}
	return slices.DeleteFunc(Known(), func(v Variant) bool { return !asked[v.Name] }), nil
}

// suffixPattern is what may follow the first character of a tag
// (distribution-spec, "Pulling manifests").
var suffixPattern = regexp.MustCompile(`^[\w.-]+$`)

// WithSuffixes returns the variants with suffixes of the user's own, by the
// variant's name. No two variants may share one.
func WithSuffixes(list []Variant, suffixes map[string]string) ([]Variant, error) {
	for name, suffix := range suffixes {
		if _, err := ByName(name); err != nil {
			return nil, err
		}
		if !suffixPattern.MatchString(suffix) {
			return nil, fmt.Errorf("the suffix %q of variant %s cannot stand in a tag: letters, digits, dots, dashes and underscores can", suffix, name)
		}
	}
	changed, owner := slices.Clone(list), map[string]string{}
	for i, v := range changed {
		if suffix, ok := suffixes[v.Name]; ok {
			changed[i].Suffix = suffix
		}
		if other, taken := owner[changed[i].Suffix]; taken {
			return nil, fmt.Errorf("variants %s and %s would have the same suffix %q", other, v.Name, changed[i].Suffix)
		}
		owner[changed[i].Suffix] = v.Name
	}
	return changed, nil
}

// Tag derives the variant's tag from production's: "v1" and "-debug" give
// "v1-debug". An empty production tag means "latest". The registry's limit is 128
// characters (distribution-spec, "Pulling manifests").
func (v Variant) Tag(production string) (string, error) {
	if production == "" {
		production = "latest"
	}
	tag := production + v.Suffix
	if len(tag) > 128 {
		return "", fmt.Errorf("the tag %q of variant %s is longer than the 128 characters that registries take: shorten the production tag %q",
			tag, v.Name, production)
	}
	return tag, nil
}
