package depcheck_test

import (
	"testing"

	"github.com/dlvgen/dlvgen/internal/depcheck"
)

func TestImportsPointOneWay(t *testing.T) {
	standard := map[string]bool{}
	std, err := depcheck.List(t.Context(), "../..", "std")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range std {
		standard[p.ImportPath] = true
	}
	packages, err := depcheck.List(t.Context(), "../..", "./...")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range depcheck.Rules() {
		for _, p := range packages {
			for _, broken := range rule.Check(p, standard) {
				t.Error(broken)
			}
		}
	}
}

func TestEveryRuleMeansAPackage(t *testing.T) {
	packages, err := depcheck.List(t.Context(), "../..", "./...")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range depcheck.Rules() {
		found := false
		for _, p := range packages {
			found = found || rule.Matches(p.ImportPath)
		}
		if !found {
			t.Errorf("the rule for %s matches no package", rule.Name)
		}
	}
}

func TestABrokenRuleIsReported(t *testing.T) {
	const module = depcheck.Module
	standard := map[string]bool{"os": true, "os/exec": true, "net": true, "fmt": true}
	for _, tc := range []struct {
		name string
		rule depcheck.Rule
		pkg  depcheck.Package
		want int
	}{
		{"a clean package", depcheck.Rule{Name: "a", Never: []string{"os"}}, depcheck.Package{ImportPath: module + "/a", Imports: []string{"fmt"}}, 0},
		{"a package below a forbidden one", depcheck.Rule{Name: "a", Never: []string{"os"}}, depcheck.Package{ImportPath: module + "/a", Imports: []string{"os/exec"}}, 1},
		{"a longer name is another package", depcheck.Rule{Name: "a", Never: []string{"os"}}, depcheck.Package{ImportPath: module + "/a", Imports: []string{"osquery.io"}}, 0},
		{"an exception", depcheck.Rule{Name: "a", Never: []string{"net"}, Except: []string{"net"}}, depcheck.Package{ImportPath: module + "/a", Imports: []string{"net", "net/http"}}, 1},
		{"another package", depcheck.Rule{Name: "a", Never: []string{"os"}}, depcheck.Package{ImportPath: module + "/ab", Imports: []string{"os"}}, 0},
		{"a package of the tree", depcheck.Rule{Name: "a/...", Never: []string{"os"}}, depcheck.Package{ImportPath: module + "/a/b", Imports: []string{"os"}}, 1},
		{"an indirect dependency", depcheck.Rule{Name: "a", NeverLinked: []string{module + "/b"}}, depcheck.Package{ImportPath: module + "/a", Deps: []string{module + "/b/c"}}, 1},
		{"what tests must not need", depcheck.Rule{Name: "a", TestsNever: []string{module + "/b"}}, depcheck.Package{ImportPath: module + "/a", XTestImports: []string{"os", module + "/b"}}, 1},
		{"only the standard library", depcheck.Rule{Name: "a", Only: []string{module + "/b"}}, depcheck.Package{ImportPath: module + "/a", Deps: []string{"os", module + "/b", "example.com/c"}}, 1},
	} {
		if got := tc.rule.Check(tc.pkg, standard); len(got) != tc.want {
			t.Errorf("%s: %d reports, want %d: %q", tc.name, len(got), tc.want, got)
		}
	}
}
