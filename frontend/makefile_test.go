package frontend

import (
	"fmt"
	"testing"
)

func TestRecipesOfAMakefile(t *testing.T) {
	const makefile = `# a service
GO ?= go
FLAGS := -tags netgo
.PHONY: build run

build: generate
	@$(GO) build $(FLAGS) \
		-o server .

run: build
	./server
dev start:: ## compiles again
	-cd cmd && ${GO} run . -v
generate:
	@echo "none"
`
	for _, tc := range []struct {
		targets []string
		want    string
	}{
		{nil, "[[go build -tags netgo -o server .] [echo none]]"},
		{[]string{"start"}, "[[cd cmd] [go run . -v]]"},
		{[]string{"generate"}, "[[echo none]]"},
		{[]string{"nothing"}, "[]"},
	} {
		if got := fmt.Sprint(recipes(makefile, tc.targets)); got != tc.want {
			t.Errorf("%v: %s, want %s", tc.targets, got, tc.want)
		}
	}
}

func TestTargetsOfMake(t *testing.T) {
	for _, tc := range []struct {
		command []string
		want    string
	}{
		{[]string{"make"}, "[] true"},
		{[]string{"/usr/bin/make", "-s", "run", "PORT=80"}, "[run] true"},
		{[]string{"make", "-C", "sub", "run"}, "[] false"},
		{[]string{"cmake", "run"}, "[] false"},
	} {
		if targets, ok := makeTargets(tc.command); fmt.Sprint(targets, ok) != tc.want {
			t.Errorf("%q: %v %t, want %s", tc.command, targets, ok, tc.want)
		}
	}
}
