package bake

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/variants"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// derivationOf is a request for a published image, in an environment that has some variables.
func derivationOf(t *testing.T, p Published, o Options, env map[string]string) (*Request, error) {
	t.Helper()
	o.Progress = "plain"
	o.Variants = []variants.Request{variants.NewRequest(variants.Known()[0])}
	return NewDerivation(p, o, environment(env))
}

// sourceOf is the published image of a request.
func sourceOf(t *testing.T, r *Request) *published {
	t.Helper()
	p, ok := r.source.(*published)
	if !ok {
		t.Fatalf("the source is %T", r.source)
	}
	return p
}

func TestDebugTagsOfAPublishedImage(t *testing.T) {
	const digest = "@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	for _, tc := range []struct {
		ref  string
		tags []string
		want string // debug tags, or the error
	}{
		{"app:v1", nil, "app:v1-debug"},
		{"app", nil, "app:latest-debug"},
		{"registry.example/app:v1" + digest, nil, "registry.example/app:v1-debug"},
		{"registry.example/app" + digest, nil, "names an image by its digest alone: add -t"},
		{"registry.example/app" + digest, []string{"b.example/app:v2"}, "b.example/app:v2-debug"},
		{"app:v1-debug", []string{"app:v1"}, "app:v1-debug is the image that is derived from, and the debug tag of variant remote"},
		{"app:v1", []string{"app:v1", "app:v2"}, "app:v1-debug app:v2-debug"},
		{"App:v1", nil, `repository names are lower case, write "app:v1"`},
		{"app@sha256:1", nil, "invalid"},
		{"", nil, "the image reference is empty"},
	} {
		r, err := derivationOf(t, Published{Ref: tc.ref}, Options{Tags: tc.tags, Push: true}, nil)
		if err != nil {
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s %q: %v, want %q", tc.ref, tc.tags, err, tc.want)
			}
			continue
		}
		var got []string
		for _, ref := range r.images[0].Refs {
			got = append(got, ref.Familiar())
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s %q: %q, want %q", tc.ref, tc.tags, got, tc.want)
		}
	}
}

func TestSourcesOfAPublishedImage(t *testing.T) {
	dir := t.TempDir()
	for source, want := range map[string]string{
		"git+https://user:secret@git.example/app": "https://user:secret@git.example/app",
		"https://git.example/app.git#v1":          "https://git.example/app.git#v1",
		"https://user:secret@git.example/app#%":   `--source is "https://xxxxx@git.example/app#%": invalid URL escape "%"`,
		"user:secret@/app":                        `--source is "xxxxx@/app": it must be a folder`,
		"git+ftp://secret@git.example/app":        `--source is "git+ftp://xxxxx@git.example/app"`,
		"/no/such/folder":                         `--source is "/no/such/folder": it must be a folder, or the URL of a git repository`,
	} {
		r, err := derivationOf(t, Published{Ref: "app:v1", Source: source}, Options{}, nil)
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", source, err, want)
			}
			continue
		}
		if got := sourceOf(t, r).sources.Git; got != want {
			t.Errorf("%s: %q", source, got)
		}
	}

	git := func(words ...string) {
		cmd := exec.CommandContext(proctest.Context(t), "git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com"}, words...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v: %s", words, err, out)
		}
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, revision, changed bool) {
		r, err := derivationOf(t, Published{Ref: "app:v1", Source: dir}, Options{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if s := sourceOf(t, r).sources; !s.Folder || (len(s.Revision) == 40) != revision || s.Changed != changed {
			t.Errorf("%s: %+v", what, s)
		}
	}
	check("no repository", false, false)
	write("a", "1")
	git("init", "--quiet")
	git("add", "a")
	git("commit", "--quiet", "--message", "first")
	write("b", "1")
	check("a file that git does not know", true, false)
	write("a", "2")
	check("a change", true, true)
}

func TestWhereModulesComeFromIsPassedOn(t *testing.T) {
	env := map[string]string{"GOPROXY": "https://proxy.example", "GOPRIVATE": "a.example", "GOFLAGS": "-mod=vendor"}
	r, err := derivationOf(t, Published{Ref: "app:v1"}, Options{BuildArgs: []string{"GOPRIVATE=b.example"}, Secrets: []string{"id=netrc,env=HOME"}}, env)
	if err != nil {
		t.Fatal(err)
	}
	if a := r.attrs; a["build-arg:GOPROXY"] != "https://proxy.example" || a["build-arg:GOPRIVATE"] != "b.example" || a["build-arg:GOFLAGS"] != "" {
		t.Errorf("the attributes are %v", a)
	}
	if s := sourceOf(t, r).sources; !slices.Equal(s.Secrets, []string{"netrc"}) {
		t.Errorf("the sources are %+v", s)
	}
}

func TestPlatformsOfAPublishedImage(t *testing.T) {
	amd64, arm64, s390x := ocispecs.Platform{OS: "linux", Architecture: "amd64"}, ocispecs.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}, ocispecs.Platform{OS: "linux", Architecture: "s390x"}
	windows := ocispecs.Platform{OS: "windows", Architecture: "amd64"}
	for name, tc := range map[string]struct {
		options Options
		has     []ocispecs.Platform
		want    string // architectures, or the error
		told    string
	}{
		"all":                  {has: []ocispecs.Platform{amd64, arm64}, want: "amd64 arm64"},
		"those that Delve has": {has: []ocispecs.Platform{amd64, s390x, windows}, want: "amd64", told: "warning: Delve does not support linux/s390x, windows/amd64, so there is no debug image for that"},
		"none that Delve has":  {has: []ocispecs.Platform{s390x}, want: "app:v1 is for linux/s390x, and Delve supports none of them"},
		"to load":              {options: Options{Load: true}, has: []ocispecs.Platform{amd64, arm64}},
		"to load the only one": {options: Options{Load: true}, has: []ocispecs.Platform{arm64}, want: "arm64"},
		"asked for":            {options: Options{Platforms: []string{"linux/arm64"}}, has: []ocispecs.Platform{amd64, arm64}},
		"asked for another":    {options: Options{Platforms: []string{"linux/riscv64"}}, has: []ocispecs.Platform{amd64, arm64}, want: "app:v1 is for linux/amd64, linux/arm64, and not for linux/riscv64 of --platform"},
	} {
		r, err := derivationOf(t, Published{Ref: "app:v1"}, tc.options, nil)
		if err != nil {
			t.Fatal(err)
		}
		var told string
		b := &builder{Request: r, streams: Streams{Tell: func(line string) { told += line }}}
		list, err := b.choosePlatforms(sourceOf(t, r), tc.has)
		var got []string
		for _, p := range list {
			got = append(got, p.Architecture)
		}
		if err != nil {
			got = []string{err.Error()}
		}
		if strings.Join(got, " ") != tc.want || told != tc.told {
			t.Errorf("%s: %q, told %q", name, got, told)
		}
	}
}
