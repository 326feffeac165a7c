package shim

import (
	"slices"
	"strings"
)

// objcopyLongs are the long options of objcopy that take a value.
var objcopyLongs = names(`input-target output-target target binary-architecture add-gnu-debuglink
	add-section add-symbol adjust-section-vma adjust-start adjust-vma alt-machine-code byte
	change-addresses change-section-address change-section-lma change-section-vma change-start
	dump-section extract-partition file-alignment gap-fill globalize-symbol globalize-symbols heap
	image-base interleave-width keep-global-symbol keep-global-symbols keep-section keep-symbol
	keep-symbols localize-symbol localize-symbols only-section pad-to prefix-alloc-sections
	prefix-sections prefix-symbols redefine-sym redefine-syms remove-relocations remove-section
	rename-section reverse-bytes section-alignment set-section-alignment set-section-flags set-start
	split-dwo srec-len stack strip-symbol strip-symbols strip-unneeded-symbol strip-unneeded-symbols
	subsystem update-section weaken-symbol weaken-symbols`)

// objcopyStrips are the options that take out symbols or debug information, in both
// families of objcopy.
var objcopyStrips = names(`S strip-all strip-all-gnu g strip-debug strip-unneeded x discard-all
	X discard-locals strip-dwo strip-non-alloc strip-sections`)

// dropStripping takes out of a call of objcopy what strips. The rest is the real
// program's to do; where nothing is left but files, the output is a copy.
// --only-keep-debug leaves its input alone where it has an output of its own.
func dropStripping(c stripCall) stripEdit {
	to := ""
	if len(c.files) > 1 {
		to = c.files[1]
	}
	if slices.ContainsFunc(c.words, func(w stripWord) bool { return w.has(onlyKeepDebug) }) {
		if to == "" || to == c.files[0] {
			return stripEdit{}
		}
		return stripEdit{args: c.without(func(stripWord) bool { return false })}
	}
	edit := stripEdit{copies: map[string]string{}}
	if work := slices.ContainsFunc(c.words, func(w stripWord) bool { return w.names != nil && !strips(w) && w.words[0] != "--" }); work {
		edit.args = c.without(strips)
	} else if to != "" {
		edit.copies[to] = c.files[0]
	}
	return edit
}

func strips(w stripWord) bool {
	if w.has(names("R remove-section")) {
		return strings.HasPrefix(w.value, ".debug") || strings.HasPrefix(w.value, ".zdebug") ||
			w.value == ".symtab" || w.value == ".strtab"
	}
	return w.has(objcopyStrips)
}
