package shim

// goflags is a value of GOFLAGS, word by word.
type goflags struct {
	words []word
	flags []flag
}

// parseGoflags reads GOFLAGS as Go 1.minor does: with quotes from 1.20, split at
// white space before. ok is false for a value that the real go refuses.
func parseGoflags(value string, minor int) (g goflags, ok bool) {
	g.words = splitFields(value)
	if minor >= 20 {
		words, err := splitWords(value)
		if err != nil {
			return goflags{}, false
		}
		g.words = words
	}
	for _, w := range g.words {
		name, value, hasValue, ok := cutFlag(w.text)
		if !ok {
			return goflags{}, false
		}
		g.flags = append(g.flags, flag{name: name, value: value, hasValue: hasValue})
	}
	return g, true
}

// without returns the value of GOFLAGS less the flags that drop names.
func (g goflags) without(drop map[string]bool) string {
	var kept []word
	for i, w := range g.words {
		if !drop[g.flags[i].name] {
			kept = append(kept, w)
		}
	}
	return joinWords(kept)
}
