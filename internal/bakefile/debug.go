package bakefile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
	"mvdan.cc/sh/v3/syntax"
)

// Image is a debug image that the file has a target for.
type Image struct {
	Production string `json:"production"`
	Variant    string `json:"variant"`
	Target     string `json:"target"`

	// Group is that of all variants of the target, to build them alone.
	Group string   `json:"group"`
	Tags  []string `json:"tags"`
}

// Written is a bake file of debug variants.
type Written struct {
	Text   []byte
	Images []Image

	// Fixed are the targets whose tags are written as they are now: no expression of
	// theirs gives them.
	Fixed []string
}

// Debug writes the bake file of debug variants. buildx reads it, and what it makes of it is
// compared with what `dlvgen build` would make of the targets.
func (b *Bake) Debug(ctx context.Context, d Debug) (*Written, error) {
	if err := b.checkNames(d); err != nil {
		return nil, err
	}
	if err := d.checkTags(); err != nil {
		return nil, err
	}
	found := sourcesOf(b.Files)
	d.variables = found.variables
	tags := map[string]expression{}
	for _, one := range d.Derived {
		tags[one.Name] = found.expressions(b.Files, one.Target)[0]
	}
	read, err := b.read(ctx, d, tags)
	if err != nil || !d.given(read) {
		for _, one := range d.Derived {
			if tags[one.Name], err = b.choose(ctx, d, one, found.expressions(b.Files, one.Target)); err != nil {
				return nil, err
			}
		}
		if read, err = b.read(ctx, d, tags); err != nil {
			return nil, err
		}
	}
	w := &Written{Text: b.render(d, tags)}
	for _, one := range d.Derived {
		if tags[one.Name].fixed {
			w.Fixed = append(w.Fixed, one.Name)
		}
		for _, v := range one.Variants {
			name := d.name(one.Target, v)
			w.Images = append(w.Images, Image{Production: one.Name, Variant: v.Preset, Target: name, Group: d.group(one.Target), Tags: append([]string{}, read.Targets[name].Tags...)})
		}
	}
	return w, nil
}

// choose takes the first expression that gives the tags of a target, alone in a file.
func (b *Bake) choose(ctx context.Context, d Debug, one Derived, expressions []expression) (expression, error) {
	d.Derived = []Derived{one}
	var err error
	for _, e := range expressions {
		var read *Definition
		if read, err = b.read(ctx, d, map[string]expression{one.Name: e}); err == nil && d.given(read) {
			return e, nil
		}
	}
	if err != nil {
		return expression{}, err
	}
	if d.besideFile() {
		return expression{}, fmt.Errorf("target %s: its variants have another context than production: write the file to the folder of %s", one.Name, b.Files[0].Name)
	}
	return expression{}, fmt.Errorf("target %s: buildx does not give its variants the tags and the context of production: name other targets, and add variants of this one by hand", one.Name)
}

// read has buildx read the files together with that of the variants, and returns the
// variants.
func (b *Bake) read(ctx context.Context, d Debug, tags map[string]expression) (*Definition, error) {
	dir := ""
	if d.besideFile() {
		dir = filepath.Dir(d.File)
	}
	f, err := os.CreateTemp(dir, "dlvgen-bake-*.hcl")
	if err != nil {
		return nil, fmt.Errorf("trying the bake file: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(b.render(d, tags))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("trying the bake file: %w", err)
	}
	var groups []string
	for _, one := range d.Derived {
		groups = append(groups, d.group(one.Target))
	}
	return b.buildx.print(ctx, append(slices.Clone(b.Files), File{Name: f.Name()}), groups...)
}

// besideFile says that paths are relative to the file that they stand in, as buildx reads
// it.
func (d Debug) besideFile() bool {
	set, err := strconv.ParseBool(os.Getenv("BUILDX_BAKE_FILE_RELATIVE_PATHS"))
	return err == nil && set
}

// given says that the variants are there, with their tags and production's context.
func (d Debug) given(read *Definition) bool {
	for _, one := range d.Derived {
		for _, v := range one.Variants {
			t, ok := read.Targets[d.name(one.Target, v)]
			if !ok || t.Context != one.Context || t.Dockerfile != one.Dockerfile {
				return false
			}
			want, err := one.DebugTags(v)
			if err != nil || !slices.EqualFunc(want, t.Tags, same) {
				return false
			}
		}
	}
	return true
}

// DebugTags are the tags that `dlvgen build` gives a variant.
func (t *Target) DebugTags(v variants.Request) ([]string, error) {
	var tags []string
	for _, production := range t.references() {
		ref, err := registry.Parse(production)
		if err != nil {
			return nil, fmt.Errorf("its tag is %q: %w", production, err)
		}
		if ref, err = ref.Debug(v); err != nil {
			return nil, err
		}
		tags = append(tags, ref.Familiar())
	}
	return tags, nil
}

// checkTags refuses debug tags that are production's, or those of another image: not those of
// targets that have one production tag.
func (d Debug) checkTags() error {
	type owner struct{ production, what string }
	taken := map[registry.Key]owner{}
	for _, one := range d.Derived {
		for _, production := range one.references() {
			if ref, err := registry.Parse(production); err == nil {
				taken[ref.Key()] = owner{what: "a tag of target " + one.Name}
			}
		}
	}
	for _, one := range d.Derived {
		for _, v := range one.Variants {
			tags, err := one.DebugTags(v)
			if err != nil {
				return fmt.Errorf("target %s: %w", one.Name, err)
			}
			for i, tag := range tags {
				ref, err := registry.Parse(tag)
				if err != nil {
					return fmt.Errorf("target %s: %w", one.Name, err)
				}
				is := owner{one.references()[i], "the debug tag of variant " + v.Preset + " for " + one.references()[i]}
				if other, ok := taken[ref.Key()]; ok && other != is {
					return fmt.Errorf("%s would be %s and %s: choose another --tag-suffix", tag, other.what, is.what)
				}
				taken[ref.Key()] = is
			}
		}
	}
	return nil
}

// same says that two texts name one tag.
func same(a, b string) bool {
	one, err := registry.Parse(a)
	if err != nil {
		return false
	}
	other, err := registry.Parse(b)
	return err == nil && one.Key() == other.Key()
}

// checkNames refuses names that the user's files have too: buildx would make one target of
// both.
func (b *Bake) checkNames(d Debug) error {
	names := []string{d.Group}
	for _, one := range d.Derived {
		names = append(names, d.group(one.Target))
		for _, v := range one.Variants {
			names = append(names, d.name(one.Target, v))
		}
	}
	seen := map[string]bool{}
	for _, name := range names {
		_, target := b.Targets[name]
		_, group := b.Groups[name]
		if b.names[name] || target || group {
			return fmt.Errorf("%s has %s already: choose another name with --group", b.Files[0].Name, name)
		}
		if seen[name] {
			return fmt.Errorf("two targets would be called %s: choose another name with --group", name)
		}
		seen[name] = true
	}
	return nil
}

// Quote writes words as a shell reads them.
func Quote(words []string) string {
	var list []string
	for _, word := range words {
		list = append(list, quoted(word))
	}
	return strings.Join(list, " ")
}

func quoted(word string) string {
	text, err := syntax.Quote(word, syntax.LangBash)
	if err != nil {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return text
}
