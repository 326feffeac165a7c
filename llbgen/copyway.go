package llbgen

import (
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/patternmatcher"
)

// copyWay is how a copy may bring a file: from a path, which is the file itself or
// lies in a folder that is copied. The path may be a pattern.
type copyWay struct {
	from   string
	itself bool
}

// certain tells whether the file has no other way into the image: a pattern may match
// nothing, which is no error.
func (w copyWay) certain() bool { return w.itself && !isPattern(w.from) }

// copiedFrom are the ways in which a copy may bring a file, or one of a pattern, the
// likeliest first. They are those of BuildKit's solver (solver/llbsolver/file: docopy)
// and the copier that it calls (tonistiigi/fsutil/copy). Neither whether the source is
// a folder is known, nor whether the destination is one, unless it is said to be.
func copiedFrom(c *pb.FileActionCopy, file string) []copyWay {
	src, dest, wanted := path.Clean("/"+c.Src), split(c.Dest), split(file)
	if len(wanted) < len(dest) || !meetAll(dest, wanted[:len(dest)]) {
		return nil
	}
	below := wanted[len(dest):]
	if len(below) == 0 {
		if isFolder(c.Dest) {
			return nil
		}
		return []copyWay{{src, true}}
	}
	var ways []copyWay
	rest := path.Join(below...)
	if met, ok := meet(path.Base(src), rest); ok && len(below) == 1 {
		ways = append(ways, copyWay{path.Join(path.Dir(src), met), !isPattern(path.Base(src))})
	}
	if sure := len(ways) > 0 && ways[0].itself && isFolder(c.Dest); !sure && includes(c, rest) { // else COPY app /usr/bin, and COPY app /app
		ways = append(ways, copyWay{path.Join(src, rest), slices.Contains(c.IncludePatterns, rest)})
	}
	return ways
}

// isFolder tells whether a destination is a folder, there or not.
func isFolder(dest string) bool {
	return strings.HasSuffix(dest, "/") || strings.HasSuffix(dest, "/.")
}

// includes tells whether a copy takes the file at that path below a copied folder, or
// may take one, for a pattern.
func includes(c *pb.FileActionCopy, file string) bool {
	matched := func(patterns []string) bool {
		m, err := patternmatcher.New(patterns)
		if err != nil {
			return false
		}
		ok, err := m.MatchesOrParentMatches(file)
		return ok && err == nil
	}
	return isPattern(file) || (len(c.IncludePatterns) == 0 || matched(c.IncludePatterns)) && !matched(c.ExcludePatterns)
}

// isPattern tells whether a path is one that several files may match, as the copier
// does (containsWildcards).
func isPattern(p string) bool {
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '*', '?', '[':
			return true
		}
	}
	return false
}

// matches tells whether a path is the file, or one of the pattern. It is a file of its
// own name, whatever that has in it.
func matches(file, p string) bool {
	ok, err := path.Match(file, p)
	return file == p || ok && err == nil
}

// meet is what two names have in common, either of which may be a pattern: the one of
// them that says more. Of two patterns it is not known whether any file matches both.
func meet(a, b string) (string, bool) {
	switch {
	case matches(a, b):
		return b, true
	case matches(b, a):
		return a, true
	case !isPattern(a) || !isPattern(b):
		return "", false
	}
	one, other := literalStart(a), literalStart(b)
	switch {
	case strings.HasPrefix(one, other):
		return a, true
	case strings.HasPrefix(other, one):
		return b, true
	}
	return "", false
}

// meetAll tells whether all elements of two paths of one length meet.
func meetAll(a, b []string) bool {
	for i := range a {
		if _, ok := meet(a[i], b[i]); !ok {
			return false
		}
	}
	return true
}

// literalStart is what a pattern begins with.
func literalStart(pattern string) string {
	start, _, _ := strings.Cut(pattern, `\`)
	if i := strings.IndexAny(start, "*?["); i >= 0 {
		return start[:i]
	}
	return start
}

// letters are the longest part of a name that every file of a pattern has: all of it
// where it is none.
func letters(name string) string {
	if !isPattern(name) {
		return name
	}
	var longest, run string
	for rest := name; rest != ""; rest = rest[1:] {
		switch rest[0] {
		case '[':
			rest = rest[max(0, strings.IndexByte(rest, ']')):]
			run = ""
		case '*', '?', '\\':
			run = ""
		default:
			run += rest[:1]
		}
		if len(run) > len(longest) {
			longest = run
		}
	}
	return longest
}

// split lists the elements of a path.
func split(p string) []string {
	return strings.FieldsFunc(path.Clean("/"+p), func(r rune) bool { return r == '/' })
}
