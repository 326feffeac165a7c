package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// parse reads a command line of `dlvgen build` with the given environment.
func parse(t *testing.T, env environment, args ...string) (*request, error) {
	t.Helper()
	var f buildFlags
	fs := pflag.NewFlagSet("build", pflag.ContinueOnError)
	f.register(fs)
	if err := fs.Parse(args); err != nil {
		return nil, flagError(&cobra.Command{Use: "build"}, err)
	}
	if env.lookup == nil {
		env.lookup = func(string) (string, bool) { return "", false }
	}
	return newRequest(&f, fs.Args(), env)
}

func mustParse(t *testing.T, env environment, args ...string) *request {
	t.Helper()
	r, err := parse(t, env, args...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestFlagsBecomeTheOptionsThatBuildxSends compares with what `docker buildx build`
// v0.38.2 puts into FrontendAttrs for the same flags (build/opt.go).
func TestFlagsBecomeTheOptionsThatBuildxSends(t *testing.T) {
	env := environment{
		lookup: func(name string) (string, bool) {
			value, ok := map[string]string{"FROM_ENV": "e", sourceDateEpoch: "1700000000"}[name]
			return value, ok
		},
		proxies: map[string]string{"HTTP_PROXY": "http://proxy:1", "NO_PROXY": "localhost"},
	}
	r := mustParse(t, env,
		"--build-arg", "A=1", "--build-arg", "EMPTY=", "--build-arg", "FROM_ENV", "--build-arg", "ABSENT", "--build-arg", "no_proxy=mine",
		"--label", "l=v", "--label", "bare",
		"--target", "final", "--platform", "linux/arm64,linux/arm/v7", "--platform", "linux/amd64",
		"--pull", "--no-cache-filter", "build,test", "--network", "host", "--shm-size", "64m",
		"--ulimit", "nofile=1024:2048", "--add-host", "db:10.0.0.1", "--add-host", "v6=[::1]",
		"--allow", "security.insecure")
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
	r := mustParse(t, environment{}, "--no-cache", "--no-cache-filter", "build")
	if value, ok := r.attrs["no-cache"]; !ok || value != "" {
		t.Errorf("no-cache is %q, %v, want set and empty", value, ok)
	}
}

func TestEachVariantAsksTheFrontendForItself(t *testing.T) {
	r := mustParse(t, environment{}, "--variant", "remote-src,remote", "--start", "continue", "--listen", ":9000",
		"--cache-from", "cache:1", "--cache-to", "type=registry,ref=cache:1", "--cache-to", "type=inline")
	in := &inputs{attrs: map[string]string{"filename": "Dockerfile"}}
	var got []client.SolveOpt
	for _, p := range r.presets {
		so, err := r.solveOpt(p, in, nil)
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
	r := mustParse(t, environment{}, "-t", "app", "-t", "registry.example:5000/team/app:v1", "-t", "app:latest")
	var got []string
	for _, ref := range r.presets[0].refs {
		got = append(got, ref.Familiar())
	}
	if want := "app:latest-debug registry.example:5000/team/app:v1-debug"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCachesOutsideAWorkflowLeaveGitHubOut(t *testing.T) {
	r := mustParse(t, environment{}, "--cache-from", "type=gha", "--cache-to", "type=gha,mode=max", "--cache-from", "a,b")
	if len(r.cacheTo) != 0 || len(r.cacheFrom) != 2 {
		t.Errorf("imports %v, exports %v, want a and b only", r.cacheFrom, r.cacheTo)
	}
}

func TestBadValuesNameTheFlag(t *testing.T) {
	for _, args := range [][]string{
		{"--build-arg", "=x"},
		{"--add-host", "db"},
		{"--add-host", "db:nowhere"},
		{"--shm-size", "big"},
		{"--ulimit", "nofile"},
		{"--allow", "everything"},
		{"--cache-to", "ref=x,mode=max"},
		{"--platform", "a/b/c/d/e"},
		{"--output", "dest=x"},
		{"--output", "type=local"},
		{"--output", "type=image,dest=x"},
		{"--tag", "Not A Reference"},
	} {
		_, err := parse(t, environment{}, args...)
		if err == nil || !strings.Contains(err.Error(), args[0]) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want one line that names the flag", args, err)
		}
	}
}

func TestLongProductionTagIsToldBeforeTheBuild(t *testing.T) {
	_, err := parse(t, environment{}, "-t", "app:"+strings.Repeat("x", 128))
	if err == nil || !strings.Contains(err.Error(), "128") {
		t.Errorf("got %v, want an error about the tag's length", err)
	}
}
