package shell

import (
	"errors"
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
		got := [][]string{}
		for _, c := range recipes(makefile, tc.targets) {
			got = append(got, c.Words())
		}
		if got := fmt.Sprint(got); got != tc.want {
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

func TestMakeReadsTheFirstMakefile(t *testing.T) {
	files := map[string]string{"Makefile": "run:\n\tgo run .\n", "makefile": "run:\n\t./server\n"}
	read := func(name string) (string, error) { return files[name], nil }
	calls, ok, err := Make([]string{"make", "run"}, read)
	if err != nil || !ok || len(calls) != 1 || calls[0].Program != "./server" {
		t.Errorf("%v, %t, %v", calls, ok, err)
	}
	if calls, ok, err := Make([]string{"cmake", "run"}, read); err != nil || ok || calls != nil {
		t.Errorf("cmake: %v, %t, %v", calls, ok, err)
	}
	failed := errors.New("failed")
	if _, _, err := Make([]string{"make"}, func(string) (string, error) { return "", failed }); !errors.Is(err, failed) {
		t.Errorf("a file that cannot be read: %v", err)
	}
}
