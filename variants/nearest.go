package variants

import "github.com/agext/levenshtein"

// Nearest returns the candidate with the least edit distance to name, the first
// of equals, and "" where there is no candidate.
func Nearest(name string, candidates []string) string {
	best, least := "", -1
	for _, c := range candidates {
		if d := levenshtein.Distance(name, c, nil); least < 0 || d < least {
			best, least = c, d
		}
	}
	return best
}
