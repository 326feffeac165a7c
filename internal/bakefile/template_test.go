//go:build !race

package bakefile_test

import (
	"os"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/bakefile"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
)

const templated = `
target "app" {
  tags = ["app", "team/app:v1", "localhost:5000/app", "reg.example:443/x/y/app:v1.2", "docker.io/app:V2"]
}
`

// writeTemplates has buildx read the variants remote and attach with templates.
func writeTemplates(t *testing.T, remote, attach string) (*bakefile.Written, error) {
	t.Helper()
	b, err := bakefile.Read(proctest.Context(t), nil, []string{"app"}, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	table, err := variants.Table()
	if err != nil {
		t.Fatal(err)
	}
	list, err := variants.WithSuffixes([]variants.Request{table[0], table[2]}, map[string]string{"remote": remote, "attach": attach})
	if err != nil {
		t.Fatal(err)
	}
	d := bakefile.Debug{Group: "debug", Syntax: "dlvgen/dlvgen:1", Command: "dlvgen bake", File: debugFile}
	for _, target := range b.Production() {
		d.Derived = append(d.Derived, bakefile.Derived{Target: target, Variants: list})
	}
	return b.Debug(proctest.Context(t), d)
}

// TestTagsByTemplates compares what HCL makes of templates with what registries are asked for.
func TestTagsByTemplates(t *testing.T) {
	files{"docker-bake.hcl": templated}.inFolder(t)
	w, err := writeTemplates(t, "{registry}/dbg/{path}/x:{variant}-{tag}", "{repository}-debug:{tag}")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(debugFile, w.Text, 0o600); err != nil {
		t.Fatal(err)
	}
	got := tagsOf(t, []string{"docker-bake.hcl", debugFile}, "app-debug")
	want := map[string][]string{
		"app-debug-remote": {
			"docker.io/dbg/library/app/x:remote-latest", "docker.io/dbg/team/app/x:remote-v1", "localhost:5000/dbg/app/x:remote-latest",
			"reg.example:443/dbg/x/y/app/x:remote-v1.2", "docker.io/dbg/library/app/x:remote-V2",
		},
		"app-debug-attach": {
			"docker.io/library/app-debug:latest", "docker.io/team/app-debug:v1", "localhost:5000/app-debug:latest",
			"reg.example:443/x/y/app-debug:v1.2", "docker.io/library/app-debug:V2",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, w.Text)
	}
}

func TestTemplatesThatGiveOneTagToTwoImages(t *testing.T) {
	files{"docker-bake.hcl": `target "app" { tags = ["reg.example/app:v1", "reg.example/app:v2"] }`}.inFolder(t)
	for remote, says := range map[string]string{
		"{repository}:debug": "reg.example/app:debug would be the debug tag of variant remote for reg.example/app:v1 and the debug tag of variant remote for reg.example/app:v2",
		"{repository}:v2":    "reg.example/app:v2 would be a tag of target app and the debug tag of variant remote",
		"{tag}-a{variant}":   "",
	} {
		_, err := writeTemplates(t, remote, "-x")
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: got %v, want %q", remote, err, says)
		}
	}
}
