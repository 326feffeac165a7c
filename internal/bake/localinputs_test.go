package bake

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/google/go-cmp/cmp"
)

func nothing(string) (string, bool) { return "", false }

func TestLocalInputs(t *testing.T) {
	dir := proctest.Files(t, map[string]string{
		"context/Dockerfile": "", "context/.dockerignore": "# a comment\n*.log\n/node_modules\n!keep.log\n", "context/lower/dockerfile": "",
		"build/app.Dockerfile": "", "build/app.Dockerfile.dockerignore": "docs\n", "shared/.dockerignore": "tmp\n", "shared/a": "", "plain/a": "", "layout/index.json": "{}",
		"module/go.mod": "module example.com/m\n\ngo 1.26\n", "module/cmd/m/main.go": "package main\n\nfunc main() {}\n", "module/.dockerignore": "*.md\n",
	})
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, test := range []struct {
		name string
		o    Options
		want LocalInputs
	}{
		{"a Dockerfile", Options{Context: in("context")}, LocalInputs{
			Folders: []LocalFolder{{in("context"), []string{"*.log", "node_modules", "!keep.log"}}},
			Files:   []string{in("context/Dockerfile"), in("context/Dockerfile.dockerignore"), in("context/.dockerignore")},
		}},
		{"by its other name", Options{Context: in("context/lower")}, LocalInputs{
			Folders: []LocalFolder{{Dir: in("context/lower")}},
			Files:   []string{in("context/lower/dockerfile"), in("context/lower/dockerfile.dockerignore"), in("context/lower/.dockerignore")},
		}},
		{"elsewhere, with a .dockerignore of its own, and named contexts", Options{
			Context: in("context"), Dockerfile: in("build/app.Dockerfile"), Outputs: []string{"type=oci,dest=out.tar"}, CacheTo: []string{"type=local,dest=cache"},
			Contexts: []string{"shared=" + in("shared"), "remote=https://example.com/a.git", "base=docker-image://base", "layout=oci-layout://" + in("layout")},
		}, LocalInputs{
			Folders: []LocalFolder{{in("context"), []string{"docs"}}, {in("shared"), []string{"tmp"}}},
			Files: []string{in("build/app.Dockerfile"), in("build/app.Dockerfile.dockerignore"), in("context/.dockerignore"),
				in("shared/.dockerignore"), in("layout/index.json")},
			Written: []string{"out.tar", "cache"},
		}},
		{"a Go module", Options{Context: in("module/cmd/m")}, LocalInputs{
			Folders: []LocalFolder{{in("module"), []string{"**/.git", "*.md"}}},
			Files:   []string{in("module/.dockerignore"), ".ko.yaml", in("module/.ko.yaml")},
		}},
	} {
		env := Environment{Lookup: nothing, Docker: configfile.New("")}
		test.o.Progress, test.o.Network, test.o.Variants = "auto", "default", asked(t, "remote")
		r, err := NewRequest(test.o, env)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		got, err := r.LocalInputs(env)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestInputsOfOtherMachinesAreRefused(t *testing.T) {
	for want, o := range map[string]Options{
		"is not on this machine":       {Context: "https://example.com/app.git"},
		"stdin is read once":           {Context: "-"},
		"stdin is read once: name a f": {Context: t.TempDir(), Dockerfile: "-"},
	} {
		env := Environment{Lookup: nothing, Docker: configfile.New("")}
		o.Progress, o.Network, o.Variants = "auto", "default", asked(t, "remote")
		r, err := NewRequest(o, env)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.LocalInputs(env); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
