package shim

import (
	"errors"
	"slices"
)

// rewritten are the flags that are edited for debugging.
var rewritten = names("a asmflags gcflags ldflags pgo trimpath")

// errUntouched says that a call is to be run as it is.
var errUntouched = errors.New("nothing to edit")

// rewrite is a call as it is to be run.
type rewrite struct {
	args []string

	// goflags is the new value of GOFLAGS, where it differs from the one in
	// effect.
	goflags        string
	goflagsChanged bool

	// flags are the user's, those of GOFLAGS first: the order of their effect.
	flags []flag
}

// rewriteCall makes a mode's edits to a call, given GOFLAGS in effect and the minor version of Go.
// The error says that the call must be run untouched: the real go refuses it,
// only prints it (-n), or compiles with gccgo.
func rewriteCall(e edits, c call, goflagsValue string, minor int) (rewrite, error) {
	g, ok := parseGoflags(goflagsValue, minor)
	if !ok {
		return rewrite{}, errUntouched
	}
	flags := append(slices.Clone(g.flags), c.flags()...)
	if isOn(flags, "n") || lastValue(flags, "compiler") == "gccgo" {
		return rewrite{}, errUntouched
	}
	add, err := e.add(flags, minor)
	if err != nil {
		return rewrite{}, err
	}
	r := rewrite{args: c.edited(e.drop, add), flags: flags, goflags: goflagsValue}
	if slices.ContainsFunc(g.flags, func(f flag) bool { return e.drop[f.name] }) {
		r.goflags = g.without(e.drop)
		r.goflagsChanged = true
	}
	return r, nil
}

// editedFlags returns what takes the place of the rewritten flags. -trimpath and
// -a are gone. -pgo=off is always given from Go 1.21 on, where the default is to
// use a default.pgo beside the main package: a profile is of no use to code that
// isn't optimized, and each profile has a build cache of its own.
func editedFlags(flags []flag, minor int) ([]string, error) {
	gcflags, err := editGcflags(values(flags, "gcflags"))
	if err != nil {
		return nil, err
	}
	asmflags, err := editAsmflags(values(flags, "asmflags"))
	if err != nil {
		return nil, err
	}
	ldflags, err := editLdflags(values(flags, "ldflags"))
	if err != nil {
		return nil, err
	}
	add := slices.Concat(gcflags, asmflags, ldflags)
	if minor >= 21 {
		add = append(add, "-pgo=off")
	}
	return add, nil
}
