package gocall

import (
	"slices"
	"strings"
	"testing"
)

var rewriteCases = []struct {
	name         string
	args         string
	goflags      string
	minor        int
	want         string
	wantGoflags  string
	leaveGoflags bool
}{
	{
		name: "plain", args: "build", minor: 20,
		want: "build|-gcflags=all=-N -l", leaveGoflags: true,
	},
	{
		name: "a profile by default", args: "build|.", minor: 21,
		want: "build|-gcflags=all=-N -l|-pgo=off|.", leaveGoflags: true,
	},
	{
		name: "all that is dropped", args: "build|-a|-trimpath|--trimpath=true|-pgo|auto|-o|-a|./cmd", minor: 21,
		want: "build|-gcflags=all=-N -l|-pgo=off|-o|-a|./cmd", leaveGoflags: true,
	},
	{
		name: "all that stays", minor: 26, leaveGoflags: true,
		args: "install|-C=x|-v|-tags|a,b|-mod=vendor|-buildmode=pie|-race|-cover|-ldflags|-s -X a=b|./...",
		want: "install|-C=x|-gcflags=all=-N -l|-ldflags=-X a=b|-pgo=off|-v|-tags|a,b|-mod=vendor|-buildmode=pie|-race|-cover|./...",
	},
	{
		name: "-C apart", args: "build|-C|-trimpath|-trimpath", minor: 20,
		want: "build|-C|-trimpath|-gcflags=all=-N -l", leaveGoflags: true,
	},
	{
		name: "-C in front", args: "-C|x|build|-a", minor: 20,
		want: "-C|x|build|-gcflags=all=-N -l", leaveGoflags: true,
	},
	{
		name: "GOFLAGS come first", args: "build|-ldflags=-s -X b=2", goflags: "-ldflags=-X=a=1 -trimpath -mod=mod", minor: 20,
		want: "build|-gcflags=all=-N -l|-ldflags=-X=a=1|-ldflags=-X b=2", wantGoflags: "-mod=mod",
	},
	{
		name: "nothing left of GOFLAGS", args: "build", goflags: "-trimpath", minor: 16,
		want: "build|-gcflags=all=-N -l",
	},
	{
		name: "a flag of a later Go", args: "build|-frob=1|.", minor: 30,
		want: "build|-gcflags=all=-N -l|-pgo=off|-frob=1|.", leaveGoflags: true,
	},
	{
		name: "paths trimmed by the assembler's flags", args: "build|-asmflags=all=-trimpath=/src", minor: 20,
		want: "build|-gcflags=all=-N -l|-asmflags=all=", leaveGoflags: true,
	},
	{
		name: "arguments behind a flag that is dropped", args: "test|-c|.|-a|x", minor: 20,
		want: "test|-gcflags=all=-N -l|-c|.|-args|x", leaveGoflags: true,
	},
	{
		name: "a test program", args: "test|./lib|-c|-o|x|-trimpath|-run=X|-args|-trimpath", minor: 20,
		want: "test|-gcflags=all=-N -l|./lib|-c|-o|x|-run=X|-args|-trimpath", leaveGoflags: true,
	},
	{
		name: "packages end the flags", args: "build|./cmd|-trimpath", minor: 20,
		want: "build|-gcflags=all=-N -l|./cmd|-trimpath", leaveGoflags: true,
	},
}

func parseCall(words []string) (Call, bool) {
	command, ok := Cut(words)
	if !ok {
		return Call{}, false
	}
	return Parse(command)
}

func TestCallsAreRewritten(t *testing.T) {
	for _, test := range rewriteCases {
		c, ok := parseCall(strings.Split(test.args, "|"))
		if !ok {
			t.Errorf("%s: not read as a call", test.name)
			continue
		}
		r, ok := c.Rewrite(Debug, "/go", test.goflags, test.minor)
		if !ok {
			t.Errorf("%s: not edited", test.name)
			continue
		}
		if got := strings.Join(r.Args, "|"); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
		if r.goflagsChanged == test.leaveGoflags || !test.leaveGoflags && r.Goflags != test.wantGoflags {
			t.Errorf("%s: GOFLAGS = %q, changed %v", test.name, r.Goflags, r.goflagsChanged)
		}
	}
}

func TestCallsThatAreNotOursStayUntouched(t *testing.T) {
	for _, args := range []string{
		"", "version", "run|.", "test|./...", "test|-run|-c", "test|-c=false", "mod|download", "vet|-c",
		"build|-n", "build|-h", "build|-frob|.", "build|-o", "build|-C", "build|-C=", "build|-compiler|gccgo",
		"build|-gcflags=x", "build|-ldflags='-s", "install|-o|x", "-C|x", "help|build", "build|---x",
	} {
		c, ok := parseCall(strings.Split(args, "|"))
		if !ok {
			continue
		}
		if r, ok := c.Rewrite(Debug, "/go", "", 26); ok {
			t.Errorf("%s: run as %q", args, r.Args)
		}
	}
	if c, _ := parseCall([]string{"build"}); true {
		if r, ok := c.Rewrite(Debug, "/go", "-n", 26); ok {
			t.Errorf("GOFLAGS=-n: run as %q", r.Args)
		}
	}
}

func TestPackagesOfACall(t *testing.T) {
	for args, want := range map[string][]string{
		"build":                       nil,
		"build|-o|x|./a|./b":          {"./a", "./b"},
		"build|--|./a":                {"./a"},
		"test|-c|./a|-o|x":            {"./a"},
		"test|./a|-c|-count|1":        {"./a"},
		"install|-v|example.com/x@v1": {"example.com/x@v1"},
	} {
		c, ok := parseCall(strings.Split(args, "|"))
		if !ok || !slices.Equal(c.Packages, want) {
			t.Errorf("packages of %s = %q, %v, want %q", args, c.Packages, ok, want)
		}
		if versioned := strings.Contains(args, "@"); c.Versioned() != versioned {
			t.Errorf("%s: versioned = %v", args, !versioned)
		}
	}
}
