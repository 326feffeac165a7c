package bake

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// tagPatterns select tags by patterns of [path.Match].
type tagPatterns struct{ included, excluded []string }

func newTagPatterns(included, excluded []string) (tagPatterns, error) {
	for _, pattern := range included {
		if err := checkPattern(pattern); err != nil {
			return tagPatterns{}, fmt.Errorf("--all-tags is %q: %w", pattern, err)
		}
	}
	for _, pattern := range excluded {
		if err := checkPattern(pattern); err != nil {
			return tagPatterns{}, fmt.Errorf("--exclude-tags is %q: %w", pattern, err)
		}
	}
	return tagPatterns{included, excluded}, nil
}

// checkPattern refuses what matches no tag at all. People write regular expressions.
func checkPattern(pattern string) error {
	const example = "it must be a pattern such as 'v1.*', where * stands for any characters, ? for one and [0-9] for one of several"
	_, err := path.Match(pattern, "")
	if err != nil || pattern == "" || strings.ContainsAny(pattern, "$()+|{}/:@, ") || strings.HasPrefix(pattern, "^") {
		return errors.New(example)
	}
	return nil
}

func (p tagPatterns) match(tag string) bool {
	matches := func(pattern string) bool {
		ok, err := path.Match(pattern, tag)
		return ok && err == nil
	}
	return slices.ContainsFunc(p.included, matches) && !slices.ContainsFunc(p.excluded, matches)
}

// String is the patterns in a sentence.
func (p tagPatterns) String() string {
	quoted := func(list []string) string {
		var all []string
		for _, pattern := range list {
			all = append(all, fmt.Sprintf("%q", pattern))
		}
		return strings.Join(all, " or ")
	}
	if len(p.excluded) == 0 {
		return quoted(p.included)
	}
	return quoted(p.included) + ", but not " + quoted(p.excluded)
}

// newestFirst orders tags: versions before others, the highest first, and of those that are
// equal the longest, v1.2.0 before v1.2.
func newestFirst(a, b string) int {
	va, vb := versionOf(a), versionOf(b)
	if (va == "") != (vb == "") {
		return cmp.Compare(vb, va)
	}
	return cmp.Or(semver.Compare(vb, va), cmp.Compare(len(b), len(a)), cmp.Compare(b, a))
}

// versionOf is a tag as [semver] has it, empty for one that is no version.
func versionOf(tag string) string {
	if v := "v" + strings.TrimPrefix(tag, "v"); semver.IsValid(v) {
		return v
	}
	return ""
}
