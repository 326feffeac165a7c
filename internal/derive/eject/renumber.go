package eject

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// renumber corrects what refers to stages by number: others stand ahead of them now.
func (r *renderer) renumber() error {
	ahead := r.own.count()
	numbers := map[string]string{}
	for i, s := range r.file.stages {
		ahead += s.added
		numbers[strconv.Itoa(i)] = strconv.Itoa(i + ahead)
	}
	for _, s := range r.file.stages {
		for _, in := range s.instructions {
			for _, flag := range in.Flags {
				renamed := renumbered(flag, numbers)
				if renamed == flag {
					continue
				}
				if !r.file.swap(in, flag, renamed) {
					return fmt.Errorf("line %d: the stage number in %s cannot be corrected: use the stage's name", in.StartLine, flag)
				}
			}
		}
	}
	return nil
}

// renumbered is a flag with the number of its stage corrected.
func renumbered(flag string, numbers map[string]string) string {
	name, value, _ := strings.Cut(flag, "=")
	switch name {
	case "--from":
		if n, ok := numbers[value]; ok {
			return name + "=" + n
		}
	case "--mount":
		words := strings.Split(value, ",")
		for i, w := range words {
			if number, ok := strings.CutPrefix(w, "from="); ok && numbers[number] != "" {
				words[i] = "from=" + numbers[number]
			}
		}
		return name + "=" + strings.Join(words, ",")
	}
	return flag
}

// swap replaces a flag in the text of an instruction, as it has become.
func (f *file) swap(in *instruction, flag, by string) bool {
	word := regexp.MustCompile(`(^|\s)` + regexp.QuoteMeta(flag) + `(\s|$)`)
	put := func(text string) (string, bool) {
		at := word.FindStringIndex(text)
		if at == nil {
			return text, false
		}
		return text[:at[0]] + strings.Replace(text[at[0]:at[1]], flag, by, 1) + text[at[1]:], true
	}
	if was, ok := f.replaced[in.StartLine]; ok {
		if text, done := put(was.text); done {
			was.text = text
			f.replaced[in.StartLine] = was
			return true
		}
	}
	for line := in.StartLine; line <= in.EndLine; line++ {
		text, done := put(f.lines[line-1])
		if done {
			f.lines = slices.Clone(f.lines)
			f.lines[line-1] = text
			return true
		}
	}
	return false
}
