package gocall

import (
	"slices"

	"github.com/dlvgen/dlvgen/internal/shim/toolflags"
)

// testBuild are the flags that decide how a program is compiled, and that go test takes too.
var testBuild = toolflags.Names(`asan asmflags buildmode compiler gccgoflags gcflags installsuffix ldflags
	linkshared mod modcacherw modfile msan overlay p pgo pkgdir race tags toolexec trimpath`)

// Tests are the arguments that compile the tests of a package to a file, in the way in which
// the call compiles its programs. They are not vetted: go build vets nothing either. It is
// false for a call whose way is no test's.
func (c *Call) Tests(r Rewrite, pkg, file string) ([]string, bool) {
	executable := slices.Contains([]string{"", "default", "exe", "pie"}, r.Flags.Last("buildmode"))
	if c.Subcommand == "test" || c.Versioned() || !executable || r.Mode != Debug && r.Mode != Optimized {
		return nil, false
	}
	words := []string{"test"}
	if c.Chdir != "" {
		words = append(words, "-C", c.Chdir)
	}
	words = append(words, "-c", "-vet=off", "-o", file)
	return slices.Concat(words, r.added, c.FlagWords(without(testBuild, r.dropped)), []string{pkg}), true
}
