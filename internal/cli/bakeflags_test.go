package cli

import (
	"testing"

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
