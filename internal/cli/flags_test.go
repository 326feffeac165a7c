package cli

import (
	"reflect"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// parse reads a command line of `dlvgen build` in an empty environment.
func parse(t *testing.T, args ...string) (*buildFlags, *bake.Request, error) {
	t.Helper()
	flags := &buildFlags{}
	fs := pflag.NewFlagSet("build", pflag.ContinueOnError)
	flags.register(fs)
	if err := fs.Parse(args); err != nil {
		return nil, nil, flagError(&cobra.Command{Use: "build"}, err)
	}
	env := bake.Environment{Lookup: func(string) (string, bool) { return "", false }, Docker: configfile.New("")}
	r, err := flags.request(fs.Args(), env)
	return flags, r, err
}

func mustParse(t *testing.T, args ...string) (*buildFlags, *bake.Request) {
	t.Helper()
	flags, r, err := parse(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return flags, r
}

// TestEveryFlagOfABuildIsAnOption compares all flags, given twice where they are lists,
// with the options that they stand for.
func TestEveryFlagOfABuildIsAnOption(t *testing.T) {
	dir := newContext(t)
	args := []string{"-f", "Dockerfile", "-t", "app:v1", "-t", "b.example/app:v1", "--target", "final", "--platform", "linux/amd64",
		"--build-arg", "A=1,2", "--build-arg", "B", "--label", "l=v,w", "--label", "m", "--build-context", "a=.", "--build-context", "b=.",
		"--secret", "id=a,env=A", "--secret", "id=b,env=B", "--ssh", "a=/none.sock", "--pull", "--network", "none", "--add-host", "a:1.1.1.1,b:1.1.1.2",
		"--shm-size", "1m", "--ulimit", "nofile=1", "--ulimit", "nproc=2", "--allow", "network.host", "--allow", "security.insecure",
		"--no-cache", "--no-cache-filter", "a,b", "--dry-run", "--push", "--load", "--force", "-o", "type=oci,dest=x.tar", "-o", "type=cacheonly",
		"--cache-from", "a", "--cache-from", "type=registry,ref=b", "--cache-to", "c", "--cache-to", "type=inline",
		"--attest", "type=sbom,disabled=true", "--attest", "type=provenance,disabled=true", "--provenance", "false", "--sbom", "false",
		"--annotation", "a=b", "--annotation", "manifest:c=d,e",
		"--insecure-registry", "a.example,b.example", "--addr", "tcp://a", "--builder", "b", "--frontend-image", "f.example/dlvgen", "--progress", "plain", dir}
	mustParse(t, args...)
	module := []string{"--module", "--base", "scratch", "--ldflags", "-s", "--ldflags", "-w", "--tags", "a,b", "--goflags", "-v", "--variant", "remote,production"}
	flags, _, err := parse(t, append(module, args...)...)
	if err == nil || !strings.Contains(err.Error(), "--module compiles a Go module without a Dockerfile, and -f names one") {
		t.Fatal(err)
	}
	variants := flags.Variants
	want := bake.Options{
		Variants: variants, Context: dir, Dockerfile: "Dockerfile", Tags: []string{"app:v1", "b.example/app:v1"}, Target: "final", Platforms: []string{"linux/amd64"},
		BuildArgs: []string{"A=1,2", "B"}, Labels: []string{"l=v,w", "m"}, Contexts: []string{"a=.", "b=."},
		Secrets: []string{"id=a,env=A", "id=b,env=B"}, SSH: []string{"a=/none.sock"}, Pull: true, Network: "none", AddHosts: []string{"a:1.1.1.1", "b:1.1.1.2"},
		ShmSize: "1m", Ulimits: []string{"nofile=1", "nproc=2"}, Allow: []string{"network.host", "security.insecure"},
		NoCache: true, NoCacheFilter: []string{"a", "b"}, DryRun: true, Push: true, Load: true, Force: true, Outputs: []string{"type=oci,dest=x.tar", "type=cacheonly"},
		CacheFrom: []string{"a", "type=registry,ref=b"}, CacheTo: []string{"c", "type=inline"},
		Attests: []string{"type=sbom,disabled=true", "type=provenance,disabled=true"}, Provenance: "false", SBOM: "false", Annotations: []string{"a=b", "manifest:c=d,e"},
		Insecure: []string{"a.example", "b.example"}, Addr: "tcp://a", Builder: "b", FrontendImage: "f.example/dlvgen", Progress: "plain",
		Module: true, Production: true, Base: "scratch", Ldflags: []string{"-s", "-w"}, BuildTags: []string{"a", "b"}, GoFlags: "-v",
	}
	if diff := cmp.Diff(want, flags.Options, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if unset := zeroIn(reflect.ValueOf(want), ""); len(variants) != 1 || variants[0].Preset != "remote" || len(unset) > 0 {
		t.Errorf("the variants are %+v, and no flag sets %s", variants, strings.Join(unset, ", "))
	}
}

func TestImageOnStdoutNeedsTheTextFormat(t *testing.T) {
	_, _, err := parse(t, "-t", "app:v1", "-o", "type=oci", "--format", "json")
	if err == nil || !strings.Contains(err.Error(), "both write to stdout") {
		t.Errorf("got %v", err)
	}
	if _, _, err := parse(t, "-t", "app:v1", "-o", "type=oci"); err != nil {
		t.Error(err)
	}
}

func TestTheProductionImageHasNoSuffix(t *testing.T) {
	_, _, err := parse(t, "--module", "-t", "app:v1", "--variant", "production,remote", "--tag-suffix", "production=-x", t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "--tag-suffix: the production image has the tag of -t, without a suffix") {
		t.Errorf("got %v", err)
	}
}
