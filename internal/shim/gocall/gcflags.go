package gocall

import (
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/toolflags"
)

// compileValued are the compiler's flags that take a value
// (cmd/compile/internal/base.CmdFlags; all other flags are booleans or counts).
var compileValued = toolflags.Names(`D I c d o p asmhdr bench blockprofile buildid coveragecfg
	cpuprofile embedcfg env gendwarfinl goversion importcfg importmap installsuffix
	json lang linkobj memprofile memprofilerate mutexprofile pgoprofile spectre
	symabis traceprofile trimpath`)

// asmValued are the assembler's flags that take a value (cmd/asm/internal/flags).
var asmValued = toolflags.Names("D I d importcfg o p spectre trimpath")

// editGcflags returns the -gcflags values to build with, given the user's in
// their order of effect. Each package ends with its own flags of before and
// -N -l: a first value gives -N -l to all, and every user's value gets them
// appended, whatever its pattern. Values ahead of a later "all=" have no effect
// and are left out.
//
// Dropped are the flags that -N -l contradict (-l=4, -N=false), -dwarf, and
// -trimpath, which would hide where the sources are.
func editGcflags(values []string) ([]string, error) {
	edited, err := toolflags.Edit("gcflags", append([]string{"all="}, values...), debugWords)
	for i := len(edited) - 1; i > 0; i-- {
		if strings.HasPrefix(edited[i], "-gcflags=all=") {
			return edited[i:], nil
		}
	}
	return edited, err
}

func debugWords(words []toolflags.Word) []toolflags.Word {
	kept, rest := toolflags.Map(words, compileValued, func(f toolflags.Flag) []toolflags.Word {
		switch f.Name {
		case "N", "l", "dwarf", "trimpath":
			return nil
		}
		return f.Words
	})
	return slices.Concat(kept, toolflags.Fields("-N -l"), rest)
}

// editAsmflags returns the -asmflags values without -trimpath.
func editAsmflags(values []string) ([]string, error) {
	return toolflags.Edit("asmflags", values, func(words []toolflags.Word) []toolflags.Word {
		kept, rest := toolflags.Map(words, asmValued, func(f toolflags.Flag) []toolflags.Word {
			if f.Name == "trimpath" {
				return nil
			}
			return f.Words
		})
		return append(kept, rest...)
	})
}
