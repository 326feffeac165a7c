package gocall

import (
	"slices"
	"strings"
	"testing"
)

func TestTestsAreCompiledInTheWayOfACall(t *testing.T) {
	for _, test := range []struct {
		mode Mode
		call string
		want []string // nil for none
	}{
		{Debug, "build -o /server -trimpath -tags=a,b .", []string{"test", "-c", "-vet=off", "-o", "/t", "-gcflags=all=-N -l", "-pgo=off", "-tags=a,b", "p"}},
		{
			Debug, "build -C cmd -race -v -mod vendor -ldflags=-s ./a",
			[]string{"test", "-C", "cmd", "-c", "-vet=off", "-o", "/t", "-gcflags=all=-N -l", "-ldflags=", "-pgo=off", "-race", "-mod", "vendor", "p"},
		},
		{Optimized, "install -trimpath -buildmode=pie -ldflags=-w ./...", []string{"test", "-c", "-vet=off", "-o", "/t", "-ldflags=", "-trimpath", "-buildmode=pie", "p"}},
		{Symbols, "build .", nil},
		{Debug, "build -buildmode=plugin .", nil},
		{Debug, "install example.com/tool@v1", nil},
		{Debug, "test -c .", nil},
	} {
		command, ok := Cut(strings.Fields(test.call))
		call, parsed := Parse(command)
		r, rewritten := call.Rewrite(test.mode, "/go", "", 26)
		if !ok || !parsed || !rewritten {
			t.Fatalf("%s is not read", test.call)
		}
		if got, _ := call.Tests(r, "p", "/t"); !slices.Equal(got, test.want) {
			t.Errorf("%s: go %q, want %q", test.call, got, test.want)
		}
	}
}
