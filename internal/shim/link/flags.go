// Package link reads and edits the linker's flags: it takes out what strips, and the
// values of -X where a command line is told. It also puts this program before the
// linker of a build, by -toolexec.
package link

import (
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/toolflags"
)

// valued are the linker's flags that take a value (cmd/link/internal/ld,
// Go 1.16 to 1.26; all other flags are booleans or counts).
var valued = toolflags.Names(`B D E H I L R T X benchmark benchmarkprofile buildid buildmode
	capturehostobjs cpuprofile debugtextsize debugtramp extar extld extldflags fipso
	funcalign importcfg installsuffix k libgcc linkmode memprofile memprofilerate o
	pluginpath r randlayout strictdups tmpdir`)

// hostStripFlags make the host's linker leave out symbols or debug information.
// GNU ld takes its long options with one dash, too.
var hostStripFlags = toolflags.Names("-s -S --strip-all --strip-debug -strip-all -strip-debug")

// Edit returns the -ldflags values to link with, given the user's in
// their order of effect: without -s and -w in any form, also inside
// -extldflags. Everything else stays, byte for byte, each -X above all.
func Edit(values []string) ([]string, error) {
	return toolflags.Edit("ldflags", values, unstrippedWords)
}

func unstrippedWords(words []toolflags.Word) []toolflags.Word {
	kept, rest := toolflags.Map(words, valued, func(f toolflags.Flag) []toolflags.Word {
		switch f.Name {
		case "s", "w":
			if f.HasValue {
				// The linker refuses other values; let it say so.
				if _, err := strconv.ParseBool(f.Value); err != nil {
					return f.Words
				}
			}
			return nil
		case "extldflags":
			return unstrippedExtldflags(f)
		}
		return f.Words
	})
	return append(kept, rest...)
}

// unstrippedExtldflags edits the value inside a word of its own or inside
// -extldflags=value, keeping that word's quotes. A flag left without a value is
// dropped.
func unstrippedExtldflags(f toolflags.Flag) []toolflags.Word {
	value, changed := EditHostFlags(f.Value)
	if !changed {
		return f.Words
	}
	if value == "" {
		return nil
	}
	last := f.Words[len(f.Words)-1]
	if last.Raw == last.Text && strings.Contains(value, " ") {
		// Fields that stood together by their quotes alone: not worth requoting.
		return f.Words
	}
	return append(f.Words[:len(f.Words)-1], last.Ending(f.Value, value))
}

// EditHostFlags removes what strips from flags to the host's linker driver, as
// -extldflags and CGO_LDFLAGS hold them: -s, -Wl,-s, -Wl,--strip-all and such,
// elements of longer -Wl lists, and -Xlinker pairs. changed tells whether there
// was any; flags that don't split are left alone.
func EditHostFlags(flags string) (edited string, changed bool) {
	words, err := toolflags.Split(flags)
	if err != nil {
		return flags, false
	}
	kept := make([]toolflags.Word, 0, len(words))
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w.Text == "-s":
			changed = true
		case w.Text == "-Xlinker" && i+1 < len(words):
			i++
			if hostStripFlags[words[i].Text] {
				changed = true
			} else {
				kept = append(kept, w, words[i])
			}
		case strings.HasPrefix(w.Text, "-Wl,"):
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
	return toolflags.Join(kept), true
}

// editLinkerList removes elements from -Wl,a,b. It returns no word where nothing
// is left of the list.
func editLinkerList(w toolflags.Word) (kept []toolflags.Word, changed bool) {
	elements := strings.Split(w.Text, ",")
	left := elements[:1:1]
	for _, element := range elements[1:] {
		if !hostStripFlags[element] {
			left = append(left, element)
		}
	}
	switch len(left) {
	case len(elements):
		return []toolflags.Word{w}, false
	case 1:
		return nil, true
	}
	return []toolflags.Word{w.WithText(strings.Join(left, ","))}, true
}
