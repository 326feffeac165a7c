package bake

import (
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/buildkit"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client"
)

// newRequest reads a call with the defaults of the command line, in an empty environment.
func newRequest(t *testing.T, o Options) (*Request, error) {
	t.Helper()
	o.Context, o.Progress = ".", buildkit.ProgressModes()[0]
	if o.Variants == nil {
		o.Variants = asked(t, "remote")
	}
	return NewRequest(o, Environment{Lookup: func(string) (string, bool) { return "", false }, Docker: configfile.New("")})
}

func mustRequest(t *testing.T, o Options) *Request {
	t.Helper()
	r, err := newRequest(t, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// asked are variants of the table, in its order.
func asked(t *testing.T, names string) []variants.Request {
	t.Helper()
	table, err := variants.Table()
	if err != nil {
		t.Fatal(err)
	}
	list, err := variants.Parse(names, table)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestFlagsBecomeTheOptionsThatBuildxSends compares with what `docker buildx build`
// v0.38.2 puts into FrontendAttrs for the same flags (build/opt.go).
func TestFlagsBecomeTheOptionsThatBuildxSends(t *testing.T) {
	docker := configfile.New("")
	docker.Proxies = map[string]configfile.ProxyConfig{"default": {HTTPProxy: "http://proxy:1", NoProxy: "localhost"}}
	lookup := func(name string) (string, bool) {
		value, ok := map[string]string{"FROM_ENV": "e", sourceDateEpoch: "1700000000"}[name]
		return value, ok
	}
	r, err := NewRequest(Options{
		BuildArgs: []string{"A=1", "EMPTY=", "FROM_ENV", "ABSENT", "no_proxy=mine"}, Labels: []string{"l=v", "bare"},
		Target: "final", Platforms: []string{"linux/arm64,linux/arm/v7", "linux/amd64"},
		Pull: true, NoCacheFilter: []string{"build", "test"}, Network: "host", ShmSize: "64m",
		Ulimits: []string{"nofile=1024:2048"}, AddHosts: []string{"db:10.0.0.1", "v6=[::1]"},
		Allow: []string{"security.insecure"}, Progress: "plain",
	}, Environment{Docker: docker, Lookup: lookup})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"build-arg:A":                 "1",
		"build-arg:EMPTY":             "",
		"build-arg:FROM_ENV":          "e",
		"build-arg:no_proxy":          "mine",
		"build-arg:HTTP_PROXY":        "http://proxy:1",
		"build-arg:SOURCE_DATE_EPOCH": "1700000000",
		"label:l":                     "v",
		"label:bare":                  "",
		"target":                      "final",
		"platform":                    "linux/arm64,linux/arm/v7,linux/amd64",
		"image-resolve-mode":          "pull",
		"no-cache":                    "build,test",
		"force-network-mode":          "host",
		"shm-size":                    "67108864",
		"ulimit":                      "nofile=1024:2048",
		"add-hosts":                   "db=10.0.0.1,v6=::1",
	}
	if diff := cmp.Diff(want, r.attrs); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"security.insecure", "network.host"}, r.allow); diff != "" {
		t.Errorf("entitlements (-want +got):\n%s", diff)
	}
}

func TestNoCacheBeatsTheFilter(t *testing.T) {
	r := mustRequest(t, Options{NoCache: true, NoCacheFilter: []string{"build"}})
	if value, ok := r.attrs["no-cache"]; !ok || value != "" {
		t.Errorf("no-cache is %q, %v, want set and empty", value, ok)
	}
}

func TestEachVariantAsksTheFrontendForItself(t *testing.T) {
	both := asked(t, "remote-src,remote")
	for i := range both {
		both[i].Start, both[i].Listen = "continue", ":9000"
	}
	r := mustRequest(t, Options{Variants: both, CacheFrom: []string{"cache:1"}, CacheTo: []string{"type=registry,ref=cache:1", "type=inline"}})
	in := &inputs{attrs: map[string]string{"filename": "Dockerfile"}}
	var got []client.SolveOpt
	for _, img := range r.images {
		so, err := r.solveOpt(img, in, nil)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, so)
	}
	if len(got) != 2 {
		t.Fatalf("%d builds, want one for each variant", len(got))
	}
	for i, name := range []string{"remote", "remote-src"} {
		want := map[string]string{
			"filename":                 "Dockerfile",
			"build-arg:DLVGEN_VARIANT": name,
			"build-arg:DLVGEN_START":   "continue",
			"build-arg:DLVGEN_LISTEN":  ":9000",
		}
		if diff := cmp.Diff(want, got[i].FrontendAttrs); diff != "" {
			t.Errorf("attributes of %s (-want +got):\n%s", name, diff)
		}
		imports := []client.CacheOptionsEntry{{Type: "registry", Attrs: map[string]string{"ref": "cache:1"}}}
		if diff := cmp.Diff(imports, got[i].CacheImports); diff != "" {
			t.Errorf("cache imports of %s (-want +got):\n%s", name, diff)
		}
	}
	if len(got[0].CacheExports) != 2 || len(got[1].CacheExports) != 1 || got[1].CacheExports[0].Type != "inline" {
		t.Errorf("the variants export %v and %v, want the registry's cache from the first only", got[0].CacheExports, got[1].CacheExports)
	}
}

func TestDebugTagsDeriveFromEveryProductionReference(t *testing.T) {
	r := mustRequest(t, Options{Tags: []string{"app", "registry.example:5000/team/app:v1", "app:latest"}})
	var got []string
	for _, ref := range r.images[0].Refs {
		got = append(got, ref.Familiar())
	}
	if want := "app:latest-debug registry.example:5000/team/app:v1-debug"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCachesOutsideAWorkflowLeaveGitHubOut(t *testing.T) {
	r := mustRequest(t, Options{CacheFrom: []string{"type=gha", "a,b"}, CacheTo: []string{"type=gha,mode=max"}})
	if len(r.cacheTo) != 0 || len(r.cacheFrom) != 2 {
		t.Errorf("imports %v, exports %v, want a and b only", r.cacheFrom, r.cacheTo)
	}
}

func TestBadValuesNameTheFlag(t *testing.T) {
	for _, test := range []struct {
		flag string
		o    Options
	}{
		{"--build-arg", Options{BuildArgs: []string{"=x"}}},
		{"--add-host", Options{AddHosts: []string{"db"}}},
		{"--add-host", Options{AddHosts: []string{"db:nowhere"}}},
		{"--shm-size", Options{ShmSize: "big"}},
		{"--ulimit", Options{Ulimits: []string{"nofile"}}},
		{"--allow", Options{Allow: []string{"everything"}}},
		{"--cache-to", Options{CacheTo: []string{"ref=x,mode=max"}}},
		{"--platform", Options{Platforms: []string{"a/b/c/d/e"}}},
		{"--output", Options{Outputs: []string{"dest=x"}}},
		{"--output", Options{Outputs: []string{"type=local"}}},
		{"--output", Options{Outputs: []string{"type=image,dest=x"}}},
		{"--tag", Options{Tags: []string{"Not A Reference"}}},
	} {
		_, err := newRequest(t, test.o)
		if err == nil || !strings.Contains(err.Error(), test.flag) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: got %v, want one line that names %s", test.o, err, test.flag)
		}
	}
}

func TestLongProductionTagIsToldBeforeTheBuild(t *testing.T) {
	_, err := newRequest(t, Options{Tags: []string{"app:" + strings.Repeat("x", 128)}})
	if err == nil || !strings.Contains(err.Error(), "128") {
		t.Errorf("got %v, want an error about the tag's length", err)
	}
}
