package bake

import (
	"errors"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/buildkit/builders"
	"github.com/docker/buildx/util/platformutil"
	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client"
)

// pair are two nodes, for amd64 and for arm64.
func pair(t *testing.T) []*node {
	t.Helper()
	var nodes []*node
	for name, platform := range map[string]string{"amd0": "linux/amd64", "arm0": "linux/arm64"} {
		ps, err := platformutil.Parse([]string{platform})
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, &node{Node: &builders.Node{Name: name, Builds: ps}, several: true, shared: &sharedMounts{}})
	}
	if nodes[0].Name != "amd0" {
		nodes[0], nodes[1] = nodes[1], nodes[0]
	}
	return nodes
}

func TestANodeBuildsItsPlatformsAsAnIndexWithItsAnnotations(t *testing.T) {
	so := client.SolveOpt{FrontendAttrs: map[string]string{"platform": "linux/amd64,linux/arm64"}}
	arm := pair(t)[1]
	arm.apply(&so)
	if so.FrontendAttrs["platform"] != "linux/arm64" || so.FrontendAttrs["multi-platform"] != "true" {
		t.Errorf("the build is asked for %v", so.FrontendAttrs)
	}
	entries := arm.own([]client.ExportEntry{{Attrs: map[string]string{
		"push": "true", "annotation.of": "each", "annotation[linux/amd64].of": "amd", "annotation-manifest-descriptor[linux/arm64].of": "arm",
		"annotation-index[linux/amd64].of": "all",
	}}})
	want := map[string]string{
		"push": "true", "annotation.of": "each", "annotation-manifest-descriptor[linux/arm64].of": "arm", "annotation-index.of": "all",
	}
	if diff := cmp.Diff(want, entries[0].Attrs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOutputsThatOneNodeWritesAreRefusedForSeveral(t *testing.T) {
	for output, want := range map[string]string{
		"type=oci,dest=x":                        "type=oci is written by one node, and the platforms are built on several (amd0: linux/amd64; arm0: linux/arm64)",
		"type=oci,tar=false,dest=x":              "type=oci",
		"type=docker,dest=x":                     "type=docker",
		"type=tar,dest=x":                        "type=tar",
		"-":                                      "type=tar",
		"type=local,dest=x,mode=delete":          "mode=delete",
		"type=local,dest=x,platform-split=false": "platform-split=false",
		"type=image,push=true,annotation[linux/s390x].of=any": "linux/s390x, which is not built",
		"type=local,dest=x": "",
		"x":                 "",
		"type=image":        "",
		"type=registry":     "",
	} {
		b := &builder{Request: mustRequest(t, Options{Outputs: []string{output}, Platforms: []string{"linux/amd64,linux/arm64"}, Tags: []string{"app:v1"}})}
		b.on = &builders.Builder{}
		for _, n := range pair(t) {
			b.on.Nodes = append(b.on.Nodes, n.Node)
		}
		err := b.checkNodes()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("-o %s: got %v, want %q", output, err, want)
		}
	}
}

func TestALostNodeIsNamedOnOneLine(t *testing.T) {
	err := &lostError{who: "node arm0 of the buildx builder pair", platforms: "linux/arm64", cause: errors.New("EOF\nand more")}
	const want = "node arm0 of the buildx builder pair stopped answering during the build for linux/arm64, and no tag was moved: check that it runs, and build again: EOF"
	if err.Error() != want {
		t.Errorf("got %q", err)
	}
}
