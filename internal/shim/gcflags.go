package shim

// debugFlags make a package debuggable: no optimization, no inlining.
const debugFlags = "-N -l"

// compileValued are the compiler's flags that take a value
// (cmd/compile/internal/base.CmdFlags; all other flags are booleans or counts).
var compileValued = names(`D I c d o p asmhdr bench blockprofile buildid coveragecfg
	cpuprofile embedcfg env gendwarfinl goversion importcfg importmap installsuffix
	json lang linkobj memprofile memprofilerate mutexprofile pgoprofile spectre
	symabis traceprofile trimpath`)

// asmValued are the assembler's flags that take a value (cmd/asm/internal/flags).
var asmValued = names("D I d importcfg o p spectre trimpath")

// editGcflags returns the -gcflags values to build with, given the user's in
// their order of effect. Each package ends with its own flags of before and
// -N -l: a first value gives -N -l to all, and every user's value gets them
// appended, whatever its pattern. Values ahead of a later "all=" have no effect
// and are left out.
//
// Dropped are the flags that -N -l contradict (-l=4, -N=false), -dwarf, and
// -trimpath, which would hide where the sources are.
func editGcflags(values []string) ([]string, error) {
	edited, err := editPerPackage(values, debugWords)
	if err != nil {
		return nil, err
	}
	all := perPackage{pattern: "all", hasPattern: true, flags: debugFlags}
	edited = append([]perPackage{all}, edited...)
	for i := len(edited) - 1; i > 0; i-- {
		if edited[i].hasPattern && edited[i].pattern == "all" {
			edited = edited[i:]
			break
		}
	}
	return flagArgs("gcflags", edited), nil
}

func debugWords(words []word) []word {
	kept, rest := mapFlags(words, compileValued, func(f toolFlag) []word {
		switch f.name {
		case "N", "l", "dwarf", "trimpath":
			return nil
		}
		return f.words
	})
	kept = append(kept, word{raw: "-N", text: "-N"}, word{raw: "-l", text: "-l"})
	return append(kept, rest...)
}

// editAsmflags returns the -asmflags values without -trimpath.
func editAsmflags(values []string) ([]string, error) {
	edited, err := editPerPackage(values, func(words []word) []word {
		kept, rest := mapFlags(words, asmValued, func(f toolFlag) []word {
			if f.name == "trimpath" {
				return nil
			}
			return f.words
		})
		return append(kept, rest...)
	})
	if err != nil {
		return nil, err
	}
	return flagArgs("asmflags", edited), nil
}
