package gocall

import (
	"maps"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/toolflags"
)

// Flags that decide how the packages are compiled that a program imports. Those of aheadOf
// are needed to compile them and are the same for every program.
var (
	aheadOf = toolflags.Names(`asan asmflags buildmode compiler gcflags installsuffix mod modcacherw
		modfile msan overlay p pgo race tags toolexec trimpath`)
	wayOf = toolflags.Names("asan asmflags buildmode compiler gcflags installsuffix msan race tags trimpath")
)

// ParseUnkept reads a call that compiles and keeps nothing: of "vet", "test" and "run". It
// is false where there is nothing to read: another subcommand, a version of a program, or
// flags of an unknown form.
func ParseUnkept(command Command) (Call, bool) {
	c, ok := Call{Command: command}, false
	switch c.Subcommand {
	case "vet":
		ok = c.parseBuild(c.rest)
	case "test":
		ok = c.parseTest(c.rest)
	case "run":
		if ok = c.parseBuild(c.rest) && len(c.Packages) > 0; ok {
			c.Packages, _ = cutProgram(c.Packages)
		}
	}
	return c, ok && !slices.ContainsFunc(c.Packages, func(p string) bool { return strings.Contains(p, "@") })
}

// AsItIs is the call without an edit.
func (c *Call) AsItIs(goflags string, minor int) (Rewrite, bool) {
	return c.Rewrite(production, "", goflags, minor)
}

// Ahead are the arguments that compile packages as the call will for the programs that
// import them, and keep nothing. It is false where that depends on the program: on its
// profile or kind, or on what it covers.
func (c *Call) Ahead(r Rewrite, packages []string) ([]string, bool) {
	f := r.Flags
	if len(packages) == 0 || f.IsOn("a") || f.IsOn("linkshared") || f.Last("coverpkg") != "" || f.Last("compiler") == "gccgo" {
		return nil, false
	}
	if !slices.Contains([]string{"", "default", "exe", "pie"}, f.Last("buildmode")) {
		return nil, false
	}
	words := []string{"build"}
	if c.Chdir != "" {
		words = append(words, "-C", c.Chdir)
	}
	for _, word := range r.added {
		name, value, _, _ := toolflags.CutFlag(word)
		// A value without a pattern is for the packages that the call names.
		if name != "ldflags" && (!isPerPackage(name) || hasPattern(value)) {
			words = append(words, word)
		}
	}
	if r.Mode == Debug {
		return slices.Concat(words, c.FlagWords(without(aheadOf, rewritten)), packages), true
	}
	for _, one := range f {
		if one.name == "pgo" && one.value != "off" || isPerPackage(one.name) && !hasPattern(one.value) {
			return nil, false
		}
	}
	kept := aheadOf
	if r.Mode == Symbols {
		kept = without(aheadOf, toolflags.Names("toolexec"))
	}
	return slices.Concat(words, c.FlagWords(kept), packages), true
}

// without is the names that others lacks.
func without(names, others map[string]bool) map[string]bool {
	kept := maps.Clone(names)
	maps.DeleteFunc(kept, func(name string, _ bool) bool { return others[name] })
	return kept
}

func isPerPackage(name string) bool { return name == "gcflags" || name == "asmflags" }

func hasPattern(value string) bool {
	v, err := toolflags.ParseValue(value)
	return err == nil && v.Pattern != ""
}

// Way names the way of compiling: two calls of a toolchain that compile a package of the
// standard library alike have the same one.
func (r Rewrite) Way() string {
	var words []string
	if r.Mode == Debug {
		words = append(words, string(Debug))
	}
	for _, f := range r.Flags {
		if wayOf[f.name] && (r.Mode != Debug || f.name != "trimpath") {
			words = append(words, f.name+"="+f.value)
		}
	}
	return strings.Join(words, "\x00")
}
