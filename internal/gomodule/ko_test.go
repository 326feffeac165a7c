package gomodule

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// lookup is an environment with these variables alone.
func lookup(variables map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { value, ok := variables[name]; return value, ok }
}

const koYAML = `
defaultBaseImage: base.example/all
baseImageOverrides:
  example.com/App/cmd/a: base.example/a
defaultplatforms: [linux/arm64, linux/amd64]
defaultEnv: [X=all]
defaultFlags: -v
defaultLdflags: [-s]
unknown: 1
builds:
- id: a
  dir: .
  main: ./cmd/a/main.go
  env: [X=a, GOCACHE=/somewhere]
  flags: -tags one,two -v
  ldflags:
  - -w
  - -X main.version={{.Env.VERSION}}
- main: ./cmd/b
  ldflags: -X main.commit={{.Git.FullCommit}}
- id: c
  main: cmd/c
  linux_capabilities: [net_bind_service]
`

func TestKosConfiguration(t *testing.T) {
	dir := proctest.Files(t, map[string]string{".ko.yaml": koYAML, "cmd/a/main.go": program, "cmd/b/main.go": program, "cmd/c/main.go": program, "cmd/d/main.go": program, "other/ko.yaml": "defaultBaseImage: other.example"})
	c, err := ReadConfig(lookup(nil), t.TempDir(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.BaseOf("example.com/app/cmd/a") + " " + c.BaseOf("example.com/app/cmd/b"); got != "base.example/a base.example/all" || !slices.Equal(c.Platforms, []string{"linux/arm64", "linux/amd64"}) {
		t.Errorf("the bases are %s, the platforms %q", got, c.Platforms)
	}
	for name, want := range map[string]string{
		"a": "X=a GOCACHE=/somewhere|-tags one,two -v|-w -X main.version={{.Env.VERSION}}",
		"b": "X=all|-v|-X main.commit={{.Git.FullCommit}}",
		"d": "X=all|-v|-s",
	} {
		b, err := c.Build(filepath.Join(dir, "cmd", name))
		got := strings.Join(b.Env, " ") + "|" + strings.Join(b.Flags, " ") + "|" + strings.Join(b.Ldflags, " ")
		if err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, want)
		}
		if tags := b.Tags(); name == "a" && !slices.Equal(tags, []string{"one", "two"}) {
			t.Errorf("the tags are %q", tags)
		}
	}
	if _, err := c.Build(filepath.Join(dir, "cmd", "c")); err == nil || !strings.Contains(err.Error(), "build c: linux_capabilities") {
		t.Errorf("capabilities: %v", err)
	}
	for variables, want := range map[string]string{"KO_DEFAULTBASEIMAGE": "env.example", "KO_CONFIG_PATH": "other.example"} {
		value := map[string]string{"KO_DEFAULTBASEIMAGE": "env.example", "KO_CONFIG_PATH": filepath.Join(dir, "other", "ko.yaml")}[variables]
		if c, err = ReadConfig(lookup(map[string]string{variables: value}), dir); err != nil || c.BaseOf("example.com/app/cmd/b") != want {
			t.Errorf("%s: %+v, %v", variables, c, err)
		}
	}
	if c, err = ReadConfig(lookup(nil), filepath.Join(dir, "cmd")); err != nil || c.BaseOf("x") != DefaultBase {
		t.Errorf("no file: %+v, %v", c, err)
	}
}

func TestMistakesInKosConfiguration(t *testing.T) {
	for text, want := range map[string]string{
		"defaultBaseImage: [a]":           "/.ko.yaml: defaultBaseImage: line 1: cannot unmarshal",
		"builds: 1":                       "/.ko.yaml: builds: line 1: cannot unmarshal",
		"builds: [{id: x, main: ./none}]": "/.ko.yaml: builds: build x: ",
		"defaultEnv: [X]":                 `env has "X": it must be NAME=VALUE`,
		`defaultEnv: ["$(evil) X=1"]`:     `env has "$(evil) X=1": it must be NAME=VALUE`,
		`defaultEnv: ["X\nRUN evil=1"]`:   `env has "X\nRUN evil=1": it must be NAME=VALUE`,
		"\ta":                             "/.ko.yaml: yaml: ",
	} {
		dir := proctest.Files(t, map[string]string{".ko.yaml": text})
		c, err := ReadConfig(lookup(nil), dir)
		if err == nil {
			_, err = c.Build(dir)
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := ReadConfig(lookup(map[string]string{"KO_CONFIG_PATH": "/none/at/all"})); err == nil || !strings.Contains(err.Error(), "by KO_CONFIG_PATH") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestTemplatesAreFilledAsKoDoes(t *testing.T) {
	dir := proctest.Files(t, map[string]string{"file": "x"})
	v := &Values{Dir: dir, Env: map[string]string{"VERSION": "v1", "LDFLAGS": ""}, Now: time.Unix(1e9, 0)}
	if _, err := v.Fill(t.Context(), []string{"{{.Git.Branch}}"}); err == nil || !strings.Contains(err.Error(), "git ") {
		t.Errorf("no repository: %v", err)
	}
	for _, args := range [][]string{{"init", "-q", "-b", "trunk"}, {"add", "."}, {"-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"}, {"tag", "v1.2.3"}} {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	got, err := v.Fill(t.Context(), []string{"-v", "{{.Env.VERSION}}{{.Env.LDFLAGS}}", "{{ .Date }} {{.Timestamp}}",
		"{{.Git.Branch}} {{.Git.Tag}} {{.Git.TreeState}} {{.Git.IsDirty}} {{.Git.IsClean}}", "{{.Git.FullCommit}}", "{{.Git.ShortCommit}}", "{{.Git.CommitTimestamp}}"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"-v", "v1", "2001-09-09T01:46:40Z 1000000000", "trunk v1.2.3 clean false true", "[0-9a-f]{40}", "[0-9a-f]{7}", "[0-9]{10}"}
	for i, pattern := range want {
		if !regexp.MustCompile("^" + pattern + "$").MatchString(got[i]) {
			t.Errorf("%q is not %s", got[i], pattern)
		}
	}
	for text, want := range map[string]string{"{{.Env.NONE}}": `no entry for key "NONE"`, "{{": "is no template", "{{.GoEnv.GOOS}}": `no entry for key "GoEnv"`} {
		if _, err := v.Fill(t.Context(), []string{text}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// TestAFolderIsNotTakenForARepository has one whose configuration would start a program.
func TestAFolderIsNotTakenForARepository(t *testing.T) {
	dir := proctest.Files(t, map[string]string{
		"HEAD": "ref: refs/heads/main\n", "objects/x": "", "refs/x": "",
		"config": "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n\tfsmonitor = touch started;\n",
	})
	v := &Values{Dir: dir}
	if got, err := v.Fill(t.Context(), []string{"{{.Git.IsDirty}}"}); err == nil {
		t.Errorf("git answered %q", got)
	}
	if out, err := Git(t.Context(), dir, "rev-parse", "--git-dir"); err == nil {
		t.Errorf("git takes it for a repository: %s", out)
	}
}

func TestKodataIsCopiedWithWhatItsLinksLeadTo(t *testing.T) {
	dir := proctest.Files(t, map[string]string{
		"go.mod": mod(), "LICENSE": "free", "web/index.html": "<html>",
		"main.go": program, "kodata/plain/file": "x",
	})
	for name, to := range map[string]string{"kodata/LICENSE": "../LICENSE", "kodata/web": "../web"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	m, err := Find(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	to, at := t.TempDir(), time.Unix(0, 0)
	if has, err := m.CopyKodata(to); !has || err != nil {
		t.Fatal(has, err)
	}
	for name, want := range map[string]string{"LICENSE": "free", "web/index.html": "<html>", "plain/file": "x"} {
		text, err := os.ReadFile(filepath.Join(to, name))
		info, statErr := os.Lstat(filepath.Join(to, name))
		if err != nil || string(text) != want || statErr != nil || !info.Mode().IsRegular() || !info.ModTime().Equal(at) {
			t.Errorf("%s: %q, %+v, %v, want %q", name, text, info, err, want)
		}
	}
	if info, err := os.Stat(filepath.Join(to, "web")); err != nil || !info.ModTime().Equal(at) {
		t.Errorf("the folder: %+v, %v", info, err)
	}
	for to, want := range map[string]string{"/etc/hostname": "outside of", "..": "which is around it", "none": "no such file"} {
		link := filepath.Join(dir, "kodata", "plain", "link")
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
		if _, err := m.CopyKodata(t.TempDir()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a link to %s: %v, want %q", to, err, want)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
}
