package builders

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/docker/buildx/util/platformutil"
	"github.com/google/go-cmp/cmp"
)

// stored is a node as buildx stores it.
func stored(name, endpoint string, declared ...string) map[string]any {
	var platforms []map[string]string
	for _, p := range declared {
		part := strings.Split(p, "/")
		platforms = append(platforms, map[string]string{"os": part[0], "architecture": part[1]})
	}
	return map[string]any{"Name": name, "Endpoint": endpoint, "Platforms": platforms}
}

func TestNodesShareThePlatformsOfABuild(t *testing.T) {
	docker := isolate(t)
	amd, arm := buildkitd(t, "v0.1", "linux/amd64", "linux/386"), buildkitd(t, "v0.2", "linux/arm64")
	qemu := buildkitd(t, "v0.3", "linux/amd64", "linux/arm64")
	gone := "unix://" + filepath.Join(docker, "gone.sock")
	for _, test := range []struct {
		name      string
		nodes     []map[string]any
		platforms string
		want      []string // the node and its platforms
		told      string
		err       []string
	}{
		{name: "as they are declared", nodes: []map[string]any{stored("amd0", amd, "linux/amd64"), stored("arm0", qemu, "linux/arm64")},
			platforms: "linux/arm64,linux/amd64", want: []string{"arm0=linux/arm64", "amd0=linux/amd64"}},
		{name: "as they answer", nodes: []map[string]any{stored("amd0", qemu), stored("arm0", arm)},
			platforms: "linux/amd64,linux/arm64,linux/386", want: []string{"amd0=linux/amd64,linux/386", "arm0=linux/arm64"}},
		{name: "one node has all", nodes: []map[string]any{stored("arm0", arm), stored("amd0", amd)},
			platforms: "linux/amd64,linux/386", want: []string{"amd0=linux/amd64,linux/386"}},
		{name: "none is asked for", nodes: []map[string]any{stored("arm0", arm), stored("amd0", amd)}, want: []string{"arm0="}},
		{name: "none is asked for, the first is down", nodes: []map[string]any{stored("gone0", gone), stored("amd0", amd)},
			want: []string{"amd0="}, told: "building on node amd0: node gone0: "},
		{name: "a node is down that is not needed", nodes: []map[string]any{stored("amd0", amd, "linux/amd64"), stored("gone0", gone, "linux/arm64")},
			platforms: "linux/amd64", want: []string{"amd0=linux/amd64"}},
		{name: "another has its platform", nodes: []map[string]any{stored("gone0", gone, "linux/arm64"), stored("amd0", amd), stored("arm0", arm)},
			platforms: "linux/amd64,linux/arm64", want: []string{"amd0=linux/amd64", "arm0=linux/arm64"}, told: "building without a node: node gone0: "},
		{name: "another would emulate its platform", nodes: []map[string]any{stored("amd0", qemu, "linux/amd64"), stored("gone0", gone, "linux/arm64")},
			platforms: "linux/amd64,linux/arm64", err: []string{"the buildx builder pair (remote) has a node that does not answer: node gone0: ", "(linux/arm64)", "--platform"}},
		{name: "it may have the platform", nodes: []map[string]any{stored("amd0", amd), stored("gone0", gone)},
			platforms: "linux/s390x", err: []string{"node gone0"}},
		{name: "all are down", nodes: []map[string]any{stored("gone0", gone), stored("gone1", gone)},
			platforms: "linux/amd64", err: []string{"node gone0", "node gone1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			storeNodes(t, docker, "pair", "remote", false, test.nodes...)
			var told []string
			o := Options{Name: "pair", limit: 5 * time.Second, Notify: hearing(&told)}
			if test.platforms != "" {
				var err error
				if o.Platforms, err = platformutil.Parse([]string{test.platforms}); err != nil {
					t.Fatal(err)
				}
			}
			b, err := Open(proctest.Context(t), o)
			for _, want := range test.err {
				if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
			if len(test.err) > 0 {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range b.Nodes {
				got = append(got, n.Name+"="+strings.Join(platformutil.Format(n.Builds), ","))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if text := strings.Join(told, "\n"); !strings.Contains(text, test.told) || test.told == "" && text != "" {
				t.Errorf("told %q, want %q", text, test.told)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheListHasTheNodesOfABuilder(t *testing.T) {
	docker := isolate(t)
	storeNodes(t, docker, "pair", "remote", true,
		stored("gone0", "unix://"+filepath.Join(docker, "gone.sock")),
		stored("amd0", buildkitd(t, "v0.1", "linux/amd64"), "linux/arm64"),
		stored("amd1", buildkitd(t, "v0.2", "linux/amd64", "linux/386")))
	list, err := List(proctest.Context(t), Options{limit: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	pair := list[0]
	if pair.Status != Running || !pair.Selected || pair.Version != "v0.1" || !slices.Equal(pair.Platforms, []string{"linux/amd64", "linux/386"}) {
		t.Errorf("got %+v", pair)
	}
	var got []string
	for _, n := range pair.Nodes {
		got = append(got, strings.Join([]string{n.Name, n.Status, n.Version, strings.Join(n.Declared, ","), strings.Join(n.Platforms, ",")}, "|"))
	}
	want := []string{"gone0|unusable|||", "amd0|running|v0.1|linux/arm64|linux/amd64", "amd1|running|v0.2||linux/amd64,linux/386"}
	if !slices.Equal(got, want) || pair.Nodes[0].Reason == "" {
		t.Errorf("got %q, want %q", got, want)
	}
}
