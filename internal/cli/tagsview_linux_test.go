package cli

import (
	"bufio"
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/containerd/console"
	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/spf13/pflag"
)

func tagsOf(t *testing.T, progress string) *bake.Tags {
	t.Helper()
	flags := &buildFlags{}
	fs := pflag.NewFlagSet("derive", pflag.ContinueOnError)
	flags.register(fs)
	if err := fs.Parse([]string{"--push", "--progress", progress}); err != nil {
		t.Fatal(err)
	}
	env := bake.Environment{Lookup: func(string) (string, bool) { return "", false }, Docker: configfile.New("")}
	tags, err := flags.tagsDerivation(bake.Published{Ref: "app"}, bake.ManyTags{Included: []string{"*"}, Jobs: 2}, env)
	if err != nil {
		t.Fatal(err)
	}
	return tags
}

func groupOf(t *testing.T, tags ...string) *bake.TagGroup {
	t.Helper()
	ref, err := registry.Parse("app")
	if err != nil {
		t.Fatal(err)
	}
	debug, err := ref.WithTag(tags[0] + "-debug")
	if err != nil {
		t.Fatal(err)
	}
	return &bake.TagGroup{Repository: ref, Tags: tags, Status: bake.TagNew, Images: []bake.TagImage{{Preset: "remote", Ref: debug, Digest: "sha256:a"}}}
}

// show derives from two images: one is refused.
func show(t *testing.T, s streams, progress string) {
	t.Helper()
	v := newTagsView(s, tagsOf(t, progress), formatText)
	one, two := groupOf(t, "v1.2", "latest"), groupOf(t, "v1.1")
	v.Found([]*bake.TagGroup{one, two}, 2)
	build, other := v.Begin(one), v.Begin(two)
	for _, s := range []bake.Streams{build, other} {
		s.Tell("building on b")
		for _, part := range []string{"#1 lo", "ad\n#2", " done\n#3"} {
			if _, err := s.Err.Write([]byte(part)); err != nil {
				t.Error(err)
			}
		}
	}
	one.Status = bake.TagDerived
	v.End(one)
	two.Status, two.Err = bake.TagRefused, errors.New("rpc error: code = Unknown desc = no Go\nand more")
	v.End(two)
	v.close()
}

func TestManyTagsAreShownByLines(t *testing.T) {
	const first, build = "dlvgen: 3 tags: 3 new. Deriving from 2 images, 2 at a time\ndlvgen: v1.2, latest: deriving\ndlvgen: v1.1: deriving\ndlvgen: v1.2, latest: building on b\n",
		"v1.2, latest | #1 load\nv1.2, latest | #2 done\nv1.1 | #1 load\nv1.1 | #2 done\n"
	for progress, want := range map[string]string{
		"auto":    first + "dlvgen: v1.2, latest: derived in 0.0s\ndlvgen: v1.1: refused: no Go\n",
		"plain":   first + build + "v1.2, latest | #3\ndlvgen: v1.2, latest: derived in 0.0s\nv1.1 | #3\ndlvgen: v1.1: refused: no Go\n",
		"quiet":   "dlvgen: v1.2, latest: building on b\n", // which no build says then
		"rawjson": "dlvgen: v1.2, latest: building on b\n#1 load\n#2 done\n#1 load\n#2 done\n#3\n#3\n",
	} {
		var stdout, stderr bytes.Buffer
		show(t, streams{out: &stdout, err: &stderr}, progress)
		if got := stderr.String(); got != want {
			t.Errorf("%s: stderr is\n%s\nwant\n%s", progress, got, want)
		}
		if got := stdout.String(); got != "app:v1.2-debug@sha256:a\n" {
			t.Errorf("%s: stdout is %q", progress, got)
		}
	}
}

func TestManyTagsAreShownByABar(t *testing.T) {
	user, program := proctest.Terminal(t)
	if err := user.Resize(console.WinSize{Width: 30, Height: 40}); err != nil {
		t.Fatal(err)
	}
	show(t, streams{out: program, err: program}, "auto")
	if _, err := program.WriteString("end\n"); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for r := bufio.NewReader(user); !strings.HasSuffix(got.String(), "end\r\n"); {
		c, err := r.ReadByte()
		if err != nil {
			t.Fatal(err)
		}
		got.WriteByte(c)
	}
	for _, want := range []string{
		"\r\x1b[K[                    ] 0/2 v1\r", // as wide as the terminal
		"\r\x1b[Kapp:v1.2-debug@sha256:a\r\n",
		"[==========          ] 1/2 v1\r",
		"v1.1: refused: no Go\r\nend",
	} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("the terminal lacks %q in %q", want, got.String())
		}
	}
}
