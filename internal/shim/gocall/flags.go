package gocall

import (
	"slices"
	"strconv"

	"github.com/dlvgen/dlvgen/internal/shim/toolflags"
)

// Flags of go build and go install from Go 1.16 to 1.26
// (cmd/go/internal/work.AddBuildFlags, AddCoverFlags).
var (
	buildBools = toolflags.Names(`a asan buildvcs cover i json linkshared modcacherw msan n race
		trimpath v work x`)
	buildValued = toolflags.Names(`asmflags buildmode compiler covermode coverpkg debug-actiongraph
		debug-runtime-trace debug-trace gccgoflags gcflags installsuffix ldflags mod
		modfile overlay p pgo pkgdir tags toolexec`)
)

// Flags that go test has beyond those (cmd/go/internal/test/testflag.go). Most
// go with the prefix "test.", too.
var (
	testBools  = toolflags.Names("artifacts benchmem c failfast fullpath short")
	testValued = toolflags.Names(`bench benchtime blockprofile blockprofilerate count coverprofile
		cpu cpuprofile exec fuzz fuzzminimizetime fuzztime list memprofile
		memprofilerate mutexprofile mutexprofilefraction o outputdir parallel run
		shuffle skip timeout trace vet`)
)

// flag is a flag of the go command. A boolean without a value has none.
type flag struct {
	name     string
	value    string
	hasValue bool
}

// on tells whether a boolean flag is set.
func (f flag) on() bool {
	if !f.hasValue {
		return true
	}
	on, err := strconv.ParseBool(f.value)
	return err == nil && on
}

// Flags are those of a call, in the order of their effect.
type Flags []flag

// Last returns the value of the last flag of that name, "" without one.
func (f Flags) Last(name string) string {
	for _, flag := range slices.Backward(f) {
		if flag.name == name {
			return flag.value
		}
	}
	return ""
}

// IsOn tells whether the last flag of that name turns it on.
func (f Flags) IsOn(name string) bool {
	for _, flag := range slices.Backward(f) {
		if flag.name == name {
			return flag.on()
		}
	}
	return false
}

// values are the values of all flags of that name.
func (f Flags) values(name string) []string {
	var all []string
	for _, flag := range f {
		if flag.name == name {
			all = append(all, flag.value)
		}
	}
	return all
}

// goflags is a value of GOFLAGS, word by word.
type goflags struct {
	words []toolflags.Word
	flags Flags
}

// parseGoflags reads GOFLAGS as Go 1.minor does: with quotes from 1.20, split at
// white space before. ok is false for a value that the real go refuses.
func parseGoflags(value string, minor int) (g goflags, ok bool) {
	g.words = toolflags.Fields(value)
	if minor >= 20 {
		words, err := toolflags.Split(value)
		if err != nil {
			return goflags{}, false
		}
		g.words = words
	}
	for _, w := range g.words {
		name, value, hasValue, ok := toolflags.CutFlag(w.Text)
		if !ok {
			return goflags{}, false
		}
		g.flags = append(g.flags, flag{name: name, value: value, hasValue: hasValue})
	}
	return g, true
}

// without returns the value of GOFLAGS less the flags that drop names.
func (g goflags) without(drop map[string]bool) string {
	var kept []toolflags.Word
	for i, w := range g.words {
		if !drop[g.flags[i].name] {
			kept = append(kept, w)
		}
	}
	return toolflags.Join(kept)
}
