package cli

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

func TestFlagsOfGoTestAreThoseOfTheTests(t *testing.T) {
	for words, want := range map[string]string{
		"":                                 "",
		"-v -run TestOpen -count=3":        "-test.v -test.run TestOpen -test.count=3",
		"--run=A --test.v -test.cpu 2":     "-test.run=A --test.v -test.cpu 2",
		"-update -config x":                "-update -config x",
		"-v -args -v -run":                 "-test.v -v -run",
		"-shuffle on --args -args x run":   "-test.shuffle on -args x run",
		"-fuzz FuzzOpen -bench . -verbose": "-fuzz FuzzOpen -test.bench . -verbose",
	} {
		if got := testArgs(strings.Fields(words)); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %q, want %q", words, got, want)
		}
	}
}

func TestPackagesAreNamedAsForTheGoCommand(t *testing.T) {
	dir := proctest.Files(t, map[string]string{
		"go.mod": "module example.com/shop\n", "store/store_test.go": "package store\n", "shop_test.go": "package shop\n", "empty/empty.go": "package empty\n",
		"bad name/x_test.go": "package x\n",
	})
	t.Chdir(filepath.Join(dir, "store"))
	for arg, want := range map[string]string{
		".": "example.com/shop/store", "..": "example.com/shop", "../store/": "example.com/shop/store", dir: "example.com/shop", "example.com/other/x": "example.com/other/x",
	} {
		if got, err := packagePath(arg); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", arg, got, err, want)
		}
	}
	outside := t.TempDir()
	t.Chdir(dir)
	for arg, want := range map[string]string{
		"./...": "one package is tested at a time", "store": "write ./store", "./none": "there is no folder", "./empty": "has no test files",
		outside: "part of no Go module", "a b": "neither a folder such as ./store nor an import path", "./bad name": "cannot compile the tests", "": "neither a folder",
	} {
		if _, err := packagePath(arg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v, want one with %q", arg, err, want)
		}
	}
}
