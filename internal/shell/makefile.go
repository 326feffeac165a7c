package shell

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// makefiles are the names that make looks for, in its order.
var makefiles = []string{"GNUmakefile", "makefile", "Makefile"}

// Make lists the calls that a call of make runs, by the first makefile that read has a
// text of. It is false where the command is no make, or one with options that lead
// elsewhere.
func Make(command []string, read func(name string) (string, error)) (calls []Call, ok bool, err error) {
	targets, ok := makeTargets(command)
	if !ok {
		return nil, false, nil
	}
	for _, name := range makefiles {
		text, err := read(name)
		if err != nil {
			return nil, true, err
		}
		if text != "" {
			return recipes(text, targets), true, nil
		}
	}
	return nil, true, nil
}

// makeTargets are the targets that a call of make names, false as Make is.
func makeTargets(command []string) ([]string, bool) {
	if len(command) == 0 || !slices.Contains([]string{"make", "gmake"}, path.Base(command[0])) {
		return nil, false
	}
	var targets []string
	for _, w := range command[1:] {
		switch {
		case strings.HasPrefix(w, "-f"), strings.HasPrefix(w, "-C"), strings.HasPrefix(w, "--file"), strings.HasPrefix(w, "--directory"), strings.HasPrefix(w, "--makefile"):
			return nil, false
		case !strings.HasPrefix(w, "-") && !strings.Contains(w, "="):
			targets = append(targets, w)
		}
	}
	return targets, true
}

// Lines of a makefile: a rule, a simple variable, the use of one.
var (
	makeRule     = regexp.MustCompile(`^([^\s:=#][^:=#]*?)\s*::?([^=].*)?$`)
	makeSet      = regexp.MustCompile(`^(?:export\s+)?(\w+)\s*[:?]?=\s*(.*?)\s*$`)
	makeVariable = regexp.MustCompile(`\$[({](\w+)[)}]`)
)

// recipes are the calls with which make makes targets, its first where none is named,
// and what those depend on, as far as the makefile's own text tells.
func recipes(makefile string, targets []string) []Call {
	deps, lines, values := map[string][]string{}, map[string][]string{}, map[string]string{}
	var current []string
	for line := range strings.Lines(strings.ReplaceAll(makefile, "\\\n", " ")) {
		line = strings.TrimRight(line, "\r\n")
		if recipe, ok := strings.CutPrefix(line, "\t"); ok {
			for _, t := range current {
				lines[t] = append(lines[t], strings.TrimLeft(recipe, "@-+ "))
			}
			continue
		}
		if set := makeSet.FindStringSubmatch(line); set != nil {
			values[set[1]] = set[2]
		} else if rule := makeRule.FindStringSubmatch(line); rule != nil {
			current = strings.Fields(rule[1])
			for _, t := range current {
				deps[t] = append(deps[t], strings.Fields(rule[2])...)
			}
			if len(targets) == 0 && !strings.HasPrefix(rule[1], ".") {
				targets = current[:1]
			}
		}
	}
	var calls []Call
	for next, seen := targets, 0; seen < len(next); seen++ {
		for _, d := range deps[next[seen]] {
			if !slices.Contains(next, d) {
				next = append(slices.Clip(next), d)
			}
		}
		for _, line := range lines[next[seen]] {
			text := makeVariable.ReplaceAllStringFunc(line, func(use string) string { return values[strings.Trim(use, "$(){}")] })
			if s := ReadText(text); s.Parsed {
				calls = append(calls, s.Calls...)
			}
		}
	}
	return calls
}
