package watch

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
)

// passing are the names of files that editors make beside the one that is edited, and remove
// again: of Vim, Emacs, the IDEs of JetBrains, Kate, GNOME and macOS.
var passing = []string{
	"4913", "*~", ".*.swp", ".*.swo", ".*.swx", ".*.kate-swp",
	".#*", "#*#", "*___jb_tmp___", "*___jb_old___", ".goutputstream-*", ".DS_Store",
}

// apart are folders whose files say nothing of what is built: git writes its own whenever
// somebody asks it for the state.
var apart = []string{".git", ".idea"}

// ignored says which files of a folder do not count.
type ignored struct {
	matcher *patternmatcher.PatternMatcher // nil where the context leaves nothing out

	// exceptions are where files may be that count below a folder that does not: the beginnings
	// of patterns, up to their first wildcard.
	exceptions []string
}

// newIgnored reads the patterns of a .dockerignore file.
func newIgnored(patterns []string) (ignored, error) {
	var i ignored
	if len(patterns) == 0 {
		return i, nil
	}
	var err error
	if i.matcher, err = patternmatcher.New(patterns); err != nil {
		return i, fmt.Errorf("reading the patterns of what the build context leaves out: %w", err)
	}
	for _, p := range i.matcher.Patterns() {
		if !p.Exclusion() {
			continue
		}
		words := strings.Split(filepath.ToSlash(p.String()), "/")
		if wild := slices.IndexFunc(words, func(word string) bool { return strings.ContainsAny(word, `*?[\`) }); wild >= 0 {
			words = words[:wild]
		}
		i.exceptions = append(i.exceptions, path.Join(words...))
	}
	return i, nil
}

// counts says that a change of a file matters. rel is its path in the folder, with slashes.
func (i ignored) counts(rel string) bool {
	for name := range strings.SplitSeq(rel, "/") {
		if slices.Contains(apart, name) {
			return false
		}
	}
	base := path.Base(rel)
	for _, pattern := range passing {
		if is, _ := path.Match(pattern, base); is {
			return false
		}
	}
	return i.sent(rel)
}

// leads says that files may count that are in this folder.
func (i ignored) leads(rel string) bool {
	if rel == "." {
		return true
	}
	if slices.Contains(apart, path.Base(rel)) {
		return false
	}
	return i.sent(rel) || slices.ContainsFunc(i.exceptions, func(exception string) bool {
		return exception == "" || strings.HasPrefix(exception+"/", rel+"/") || strings.HasPrefix(rel+"/", exception+"/")
	})
}

// sent says that a file is part of the context.
func (i ignored) sent(rel string) bool {
	if i.matcher == nil || rel == "." {
		return true
	}
	out, err := i.matcher.MatchesOrParentMatches(filepath.FromSlash(rel))
	return err != nil || !out // the build tells what is wrong with a pattern
}
