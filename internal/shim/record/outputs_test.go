package record

import (
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/shim/gocall"
	"github.com/dlvgen/dlvgen/internal/shim/toolchain"
)

func TestProgramsAreWhereGoPutsThem(t *testing.T) {
	lib := goPackage{ImportPath: "example.com/m/lib", Name: "lib"}
	one := goPackage{ImportPath: "example.com/m/cmd/one", Name: "main", Target: "/go/bin/one"}
	two := goPackage{ImportPath: "example.com/m/cmd/two/v2", Name: "main", Target: "/go/bin/two"}
	tested := goPackage{ImportPath: "example.com/m/lib.test", Name: "main"}
	dep := goPackage{ImportPath: "example.com/m/cmd/tool", Name: "main", DepOnly: true}
	for _, test := range []struct {
		args     string
		packages []goPackage
		want     []string
	}{
		{"build ./cmd/one", []goPackage{dep, one}, []string{"/src/one"}},
		{"build ./cmd/two/v2", []goPackage{two}, []string{"/src/two"}},
		{"build -o bin/x ./cmd/one", []goPackage{one}, []string{"/src/bin/x"}},
		{"build -o bin/ ./...", []goPackage{lib, one, two}, []string{"/src/bin/one", "/src/bin/two"}},
		{"build ./...", []goPackage{lib, one, two}, []string{"", ""}}, // compiled, and thrown away
		{"build ./cmd/one ./lib", []goPackage{lib, one}, []string{""}},
		{"build -o /dev/null ./cmd/one", []goPackage{one}, []string{""}},
		{"build -buildmode=plugin ./cmd/one", []goPackage{one}, []string{"/src/one.so"}},
		{"build -buildmode=archive ./cmd/one", []goPackage{one}, nil},
		{"install ./cmd/...", []goPackage{one, two}, []string{"/go/bin/one", "/go/bin/two"}},
		{"test -c ./lib", []goPackage{lib, tested}, []string{"/src/lib.test"}},
		{"build ./lib", []goPackage{lib}, nil},
	} {
		command, _ := gocall.Cut(strings.Fields(test.args))
		call, ok := gocall.Parse(command)
		if !ok {
			t.Fatalf("%s is not understood", test.args)
		}
		edited, ok := call.Rewrite(gocall.Debug, "/go", "", 26)
		if !ok {
			t.Fatalf("%s is not edited", test.args)
		}
		b := Build{Call: call, Rewrite: edited, Facts: toolchain.Facts{GO111MODULE: "on"}, dir: "/src"}
		var got []string
		for _, p := range b.programs(test.packages) {
			got = append(got, p.Output)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("go %s puts programs at %q, want %q", test.args, got, test.want)
		}
	}
}
