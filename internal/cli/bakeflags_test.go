package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/bakefile"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/spf13/pflag"
)

// TestTheCommandThatWritesTheFileAgain has what the file depends on, and nothing else.
func TestTheCommandThatWritesTheFileAgain(t *testing.T) {
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{nil, "dlvgen bake -o out.hcl 'a b.hcl' app"},
		{
			[]string{"--addr", "tcp://a", "--builder", "b", "--format", "json", "-o", "x.hcl", "-f", "y.hcl"},
			"dlvgen bake -o out.hcl 'a b.hcl' app",
		},
		{
			[]string{"--variant", "remote", "--variant", "fast,attach", "--tag-suffix", "remote=-dbg", "--optimize", "--rebuild", "--delve-arg=--log", "--group", "all", "--no-go-cache=false"},
			"dlvgen bake -o out.hcl --group all --variant remote,fast,attach --optimize --delve-arg --log --rebuild '--no-go-cache=false' --tag-suffix 'remote=-dbg' 'a b.hcl' app",
		},
	} {
		flags := &bakeFlags{}
		fs := pflag.NewFlagSet("bake", pflag.ContinueOnError)
		flags.registerBake(fs)
		if err := fs.Parse(c.flags); err != nil {
			t.Fatal(err)
		}
		if got := flags.command("out.hcl", []string{"a b.hcl", "app"}); got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.flags, got, c.want)
		}
	}
}

// TestATargetIsSkippedByVariant takes explanations of variants: what all refuse for one
// reason is said once.
func TestATargetIsSkippedByVariant(t *testing.T) {
	for _, c := range []struct {
		refusals map[string]string // by platform, of remote and sidecar
		taken    []string
		skipped  []skippedTarget
	}{
		{map[string]string{"remote/amd64": "", "sidecar/amd64": ""}, []string{"remote", "sidecar"}, nil},
		{map[string]string{"remote/amd64": "", "sidecar/amd64": "", "sidecar/arm64": "no"}, []string{"remote"}, []skippedTarget{{"app", "sidecar", "no"}}},
		{map[string]string{"remote/amd64": "no", "sidecar/amd64": "no"}, nil, []skippedTarget{{"app", "", "no"}}},
		{map[string]string{"remote/amd64": "no", "sidecar/amd64": "never"}, nil, []skippedTarget{{"app", "remote", "no"}, {"app", "sidecar", "never"}}},
	} {
		var results []*bake.Result
		for _, name := range []string{"remote", "sidecar"} {
			v, err := variants.ByName(name)
			if err != nil {
				t.Fatal(err)
			}
			res := &bake.Result{Image: bake.Image{Request: variants.NewRequest(v)}, Metadata: map[string][]byte{}}
			for key, refusal := range c.refusals {
				if variant, platform, _ := strings.Cut(key, "/"); variant == name {
					res.Metadata[frontend.MetaExplanation+"/linux/"+platform] = fmt.Appendf(nil, `{"refusal": %q}`, refusal)
				}
			}
			results = append(results, res)
		}
		check := targetCheck{target: &bakefile.Target{Name: "app"}}
		if err := check.take(results); err != nil {
			t.Fatal(err)
		}
		var taken []string
		for _, v := range check.variants {
			taken = append(taken, v.Preset)
		}
		if !slices.Equal(taken, c.taken) || !slices.Equal(check.skipped, c.skipped) {
			t.Errorf("%v: takes %q, skips %v; want %q, %v", c.refusals, taken, check.skipped, c.taken, c.skipped)
		}
	}
}
