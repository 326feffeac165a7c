package shim

import (
	"strconv"
	"strings"
)

// linkValued are the linker's flags that take a value (cmd/link/internal/ld,
// Go 1.16 to 1.26; all other flags are booleans or counts).
var linkValued = names(`B D E H I L R T X benchmark benchmarkprofile buildid buildmode
	capturehostobjs cpuprofile debugtextsize debugtramp extar extld extldflags fipso
	funcalign importcfg installsuffix k libgcc linkmode memprofile memprofilerate o
	pluginpath r randlayout strictdups tmpdir`)

// hostStripFlags make the host's linker leave out symbols or debug information.
// GNU ld takes its long options with one dash, too.
var hostStripFlags = names("-s -S --strip-all --strip-debug -strip-all -strip-debug")

// editLdflags returns the -ldflags values to link with, given the user's in
// their order of effect: without -s and -w in any form, also inside
// -extldflags. Everything else stays, byte for byte, each -X above all.
func editLdflags(values []string) ([]string, error) {
	edited, err := editPerPackage(values, unstrippedWords)
	if err != nil {
		return nil, err
	}
	return flagArgs("ldflags", edited), nil
}

func unstrippedWords(words []word) []word {
	kept, rest := mapFlags(words, linkValued, func(f toolFlag) []word {
		switch f.name {
		case "s", "w":
			if f.hasValue {
				// The linker refuses other values; let it say so.
				if _, err := strconv.ParseBool(f.value); err != nil {
					return f.words
				}
			}
			return nil
		case "extldflags":
			return unstrippedExtldflags(f)
		}
		return f.words
	})
	return append(kept, rest...)
}

// unstrippedExtldflags edits the value inside a word of its own or inside
// -extldflags=value, keeping that word's quotes. A flag left without a value is
// dropped.
func unstrippedExtldflags(f toolFlag) []word {
	value, changed := editHostFlags(f.value)
	if !changed {
		return f.words
	}
	if value == "" {
		return nil
	}
	last := f.words[len(f.words)-1]
	text := strings.TrimSuffix(last.text, f.value) + value
	raw := text
	switch {
	case last.raw != last.text:
		quote := last.raw[:1]
		raw = quote + text + quote
	case strings.ContainsAny(value, " "):
		// Fields that stood together by their quotes alone: not worth requoting.
		return f.words
	}
	return append(f.words[:len(f.words)-1], word{raw: raw, text: text})
}

// editHostFlags removes what strips from flags to the host's linker driver, as
// -extldflags and CGO_LDFLAGS hold them: -s, -Wl,-s, -Wl,--strip-all and such,
// elements of longer -Wl lists, and -Xlinker pairs. changed tells whether there
// was any; flags that don't split are left alone.
func editHostFlags(flags string) (edited string, changed bool) {
	words, err := splitWords(flags)
	if err != nil {
		return flags, false
	}
	kept := make([]word, 0, len(words))
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w.text == "-s":
			changed = true
		case w.text == "-Xlinker" && i+1 < len(words):
			i++
			if hostStripFlags[words[i].text] {
				changed = true
			} else {
				kept = append(kept, w, words[i])
			}
		case strings.HasPrefix(w.text, "-Wl,"):
			list, cut := editLinkerList(w)
			changed = changed || cut
			kept = append(kept, list...)
		default:
			kept = append(kept, w)
		}
	}
	if !changed {
		return flags, false
	}
	return joinWords(kept), true
}

// editLinkerList removes elements from -Wl,a,b. It returns no word where nothing
// is left of the list.
func editLinkerList(w word) (kept []word, changed bool) {
	elements := strings.Split(w.text, ",")
	left := elements[:1:1]
	for _, element := range elements[1:] {
		if !hostStripFlags[element] {
			left = append(left, element)
		}
	}
	switch len(left) {
	case len(elements):
		return []word{w}, false
	case 1:
		return nil, true
	}
	text := strings.Join(left, ",")
	raw := text
	if w.raw != w.text {
		raw = w.raw[:1] + text + w.raw[:1]
	}
	return []word{{raw: raw, text: text}}, true
}
