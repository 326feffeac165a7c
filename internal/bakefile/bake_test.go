//go:build !race

// What reads the files is another program, and nothing here runs beside.

package bakefile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/bakefile"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
)

// files are texts by name.
type files map[string]string

// inFolder is the working folder of the test, with files, and buildx on PATH.
func (f files) inFolder(t *testing.T) {
	t.Helper()
	buildx, err := testenv.Program(t.Context(), "docker-buildx")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	t.Setenv("PATH", filepath.Dir(buildx)+":"+os.Getenv("PATH"))
	f.write(t)
}

func (f files) write(t *testing.T) {
	t.Helper()
	for name, text := range f {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

const debugFile = "docker-bake.debug.hcl"

// derive writes the file of the variants of all targets.
func derive(t *testing.T, names []string, targets ...string) *bakefile.Written {
	t.Helper()
	b, err := bakefile.Read(proctest.Context(t), names, targets, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	w, err := debug(t, b, "debug")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(debugFile, w.Text, 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

func debug(t *testing.T, b *bakefile.Bake, group string) (*bakefile.Written, error) {
	t.Helper()
	table, err := variants.Table(variants.Request{Preset: "fast.one", Variant: variants.Variant{Name: "remote", Suffix: "-dbg"}, Start: variants.StartContinue})
	if err != nil {
		t.Fatal(err)
	}
	d := bakefile.Debug{Group: group, Syntax: "dlvgen/dlvgen:1", Command: "dlvgen bake", File: debugFile}
	for _, target := range b.Production() {
		d.Derived = append(d.Derived, bakefile.Derived{Target: target, Variants: []variants.Request{table[0], table[len(table)-1]}})
	}
	return b.Debug(proctest.Context(t), d)
}

// printed is what buildx makes of targets and files, read by themselves.
func printed(t *testing.T, names []string, targets ...string) map[string]*bakefile.Target {
	t.Helper()
	args := []string{"bake", "--progress", "quiet", "--print"}
	for _, name := range names {
		args = append(args, "-f", name)
	}
	cmd := exec.CommandContext(proctest.Context(t), "docker-buildx", append(args, targets...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var d bakefile.Definition
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatal(err)
	}
	return d.Targets
}

// tagsOf are the tags that buildx gives to each target.
func tagsOf(t *testing.T, names []string, targets ...string) map[string][]string {
	t.Helper()
	tags := map[string][]string{}
	for name, target := range printed(t, names, targets...) {
		tags[name] = target.Tags
	}
	return tags
}

const project = `variable "VERSION" {
  default = "v1"
}
variable "EXTRA" {
  default = ""
}
group "default" {
  targets = ["app", "worker", "page"]
}
target "docker-metadata-action" {}
target "_common" {
  args = { A = "$${literally}" }
  tags = ["reg.example:5000/common:${VERSION}"]
}
target "app" {
  context  = "app"
  tags     = ["reg.example:5000/app:${VERSION}", EXTRA == "" ? "" : "app:${EXTRA}", "plain"]
  output   = ["type=image,push=true,name=reg.example:5000/app:other,compression=zstd", "type=local,dest=out", "type=oci,dest=dir.d/app.tar.gz"]
  cache-to = ["type=registry,ref=reg.example:5000/app:cache,mode=max", "type=inline"]
}
target "worker" {
  inherits = ["_common", "docker-metadata-action"]
}
target "page" {
  name   = "page-${lang}"
  matrix = { lang = ["en", "de"] }
  tags   = ["page:${lang}-${VERSION}"]
}
`

// TestTagsOfVariantsFollowThoseOfProduction changes what the tags of production depend on
// after the file was written.
func TestTagsOfVariantsFollowThoseOfProduction(t *testing.T) {
	files{"docker-bake.hcl": project}.inFolder(t)
	w := derive(t, nil)
	if len(w.Fixed) > 0 {
		t.Errorf("the tags of %q do not follow", w.Fixed)
	}
	t.Setenv("VERSION", "v2")
	t.Setenv("EXTRA", "more")
	names := []string{"docker-bake.hcl", debugFile}
	want := map[string][]string{
		"app": {"reg.example:5000/app:v2", "app:more", "plain"}, "worker": {"reg.example:5000/common:v2"},
		"page-en": {"page:en-v2"}, "page-de": {"page:de-v2"},
		"app-debug-remote":       {"reg.example:5000/app:v2-debug", "app:more-debug", "plain:latest-debug"},
		"app-debug-fast_one":     {"reg.example:5000/app:v2-dbg", "app:more-dbg", "plain:latest-dbg"},
		"worker-debug-remote":    {"reg.example:5000/common:v2-debug"},
		"worker-debug-fast_one":  {"reg.example:5000/common:v2-dbg"},
		"page-en-debug-remote":   {"page:en-v2-debug"},
		"page-en-debug-fast_one": {"page:en-v2-dbg"},
		"page-de-debug-remote":   {"page:de-v2-debug"},
		"page-de-debug-fast_one": {"page:de-v2-dbg"},
	}
	if diff := cmp.Diff(want, tagsOf(t, names, "debug")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// As docker/metadata-action does.
	files{"meta.json": `{"target": {"docker-metadata-action": {"tags": ["meta:1", "meta:latest"]}}}`}.write(t)
	for _, names := range [][]string{append(names, "meta.json"), {"docker-bake.hcl", "meta.json", debugFile}} {
		if got := tagsOf(t, names, "worker-debug-remote")["worker-debug-remote"]; !slices.Equal(got, []string{"meta:1-debug", "meta:latest-debug"}) {
			t.Errorf("%q: the tags are %q", names, got)
		}
	}
}

// TestVariantsKeepProductionsOutputsAndCaches: what production writes is left alone, and
// the rest is production's.
func TestVariantsKeepProductionsOutputsAndCaches(t *testing.T) {
	files{"docker-bake.hcl": project}.inFolder(t)
	derive(t, nil, "app", "worker")
	got := printed(t, []string{"docker-bake.hcl", debugFile}, "app-debug", "worker-debug")
	app := got["app-debug-fast_one"]
	var outputs, caches []string
	for _, e := range app.Outputs {
		outputs = append(outputs, e.String())
	}
	for _, e := range app.CacheTo {
		caches = append(caches, e.String())
	}
	if diff := cmp.Diff([]string{"type=image,compression=zstd,push=true", "type=local,dest=out/fast_one", "type=oci,dest=dir.d/app-dbg.tar.gz"}, outputs); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"type=inline"}, caches); diff != "" {
		t.Errorf("caches (-want +got):\n%s", diff)
	}
	args := map[string]string{
		"BUILDKIT_SYNTAX": "dlvgen/dlvgen:1", "DLVGEN_VARIANT": "remote", "DLVGEN_START": "continue", "DLVGEN_PRESET": "fast.one", "DLVGEN_TAG_SUFFIX": "-dbg",
	}
	if diff := cmp.Diff(args, app.Args); diff != "" || app.Context != "app" {
		t.Errorf("context %q, args (-want +got):\n%s", app.Context, diff)
	}
	if worker := got["worker-debug-remote"]; worker.Args["A"] != "$${literally}" { // as buildx prints it
		t.Errorf("the args of worker's variant are %q", worker.Args)
	}
	if pushed := printed(t, []string{"docker-bake.hcl", debugFile}, "--push", "worker-debug")["worker-debug-remote"].Outputs; len(pushed) != 1 || pushed[0]["push"] != "true" {
		t.Errorf("with --push the outputs are %v", pushed)
	}
}

const compose = `services:
  app.web:
    image: ${REGISTRY:-reg.example}/app:v1
    build: ./app
  worker:
    image: worker
    build:
      context: .
      x-bake: {cache-to: "type=gha"}
  db:
    image: postgres
`

// TestAComposeFileAlone has services with a dot, and one that is not built.
func TestAComposeFileAlone(t *testing.T) {
	files{"compose.yaml": compose}.inFolder(t)
	w := derive(t, nil)
	got := tagsOf(t, []string{"compose.yaml", debugFile}, "debug")
	want := map[string][]string{
		"app_web": {"reg.example/app:v1"}, "app_web-debug-remote": {"reg.example/app:v1-debug"}, "app_web-debug-fast_one": {"reg.example/app:v1-dbg"},
		"worker": {"worker"}, "worker-debug-remote": {"worker:latest-debug"}, "worker-debug-fast_one": {"worker:latest-dbg"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(w.Fixed) > 0 {
		t.Errorf("the tags of %q do not follow", w.Fixed)
	}
	t.Setenv("REGISTRY", "mirror.example")
	if got := tagsOf(t, []string{"compose.yaml", debugFile}, "app_web-debug-remote")["app_web-debug-remote"]; !slices.Equal(got, []string{"mirror.example/app:v1-debug"}) {
		t.Errorf("with a variable the tags are %q", got)
	}
	if again := derive(t, nil); !bytes.Equal(again.Text, w.Text) {
		t.Errorf("with a variable the file differs:\n%s", cmp.Diff(string(w.Text), string(again.Text)))
	}
}

// TestTagsWithVariablesOfTheEnvFile are written as they are: buildx reads .env for compose
// files only.
func TestTagsWithVariablesOfTheEnvFile(t *testing.T) {
	files{"compose.yaml": compose, ".env": "REGISTRY=from.example\n"}.inFolder(t)
	w := derive(t, nil, "app.web")
	if want := []string{"from.example/app:v1-debug"}; !slices.Equal(w.Images[0].Tags, want) || !slices.Equal(w.Fixed, []string{"app_web"}) {
		t.Errorf("tags %q, want %q, fixed %q\n%s", w.Images[0].Tags, want, w.Fixed, w.Text)
	}
}

// TestTagsOfAServiceThatAHCLFileAmends come from the compose file, which HCL cannot refer to.
func TestTagsOfAServiceThatAHCLFileAmends(t *testing.T) {
	files{
		"compose.yaml":    compose,
		"docker-bake.hcl": "variable \"REGISTRY\" {\n  default = \"hcl.example\"\n}\ntarget \"worker\" {\n  platforms = [\"linux/amd64\"]\n}\n",
	}.inFolder(t)
	w := derive(t, nil, "worker", "app.web")
	got := tagsOf(t, []string{"compose.yaml", "docker-bake.hcl", debugFile}, "worker-debug", "app_web-debug")
	// The variable that the HCL file has is not that of the compose file.
	if !slices.Equal(w.Fixed, []string{"app_web"}) || !slices.Equal(got["worker-debug-remote"], []string{"worker:latest-debug"}) ||
		!slices.Equal(got["app_web-debug-remote"], []string{"reg.example/app:v1-debug"}) {
		t.Errorf("fixed are %q, tags %q", w.Fixed, got)
	}
}

// TestTheFileIsTheSameTheSecondTime has its own output among the files, then beside them.
func TestTheFileIsTheSameTheSecondTime(t *testing.T) {
	files{"docker-bake.hcl": project}.inFolder(t)
	first := derive(t, nil)
	if again := derive(t, []string{debugFile, "docker-bake.hcl"}); !bytes.Equal(again.Text, first.Text) {
		t.Errorf("(-first +again):\n%s", cmp.Diff(string(first.Text), string(again.Text)))
	}
	if err := os.Rename(debugFile, "docker-bake.override.hcl"); err != nil { // which buildx reads too
		t.Fatal(err)
	}
	if again := derive(t, nil); !bytes.Equal(again.Text, first.Text) {
		t.Errorf("(-first +again):\n%s", cmp.Diff(string(first.Text), string(again.Text)))
	}
	if _, err := bakefile.Read(proctest.Context(t), []string{"docker-bake.override.hcl"}, nil, nil); err == nil || !strings.Contains(err.Error(), "name the file with the production targets") {
		t.Errorf("dlvgen's own file alone: %v", err)
	}
}

// TestPathsRelativeToTheFile has buildx read them so, and production without a context.
func TestPathsRelativeToTheFile(t *testing.T) {
	files{"ci/docker-bake.hcl": "target \"app\" {\n  tags = [\"app\"]\n}\n"}.inFolder(t)
	t.Setenv("BUILDX_BAKE_FILE_RELATIVE_PATHS", "true")
	b, err := bakefile.Read(proctest.Context(t), []string{"ci/docker-bake.hcl"}, []string{"app"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := bakefile.Debug{Group: "debug", Syntax: "dlvgen/dlvgen:1", Command: "dlvgen bake"}
	for _, target := range b.Production() {
		if target.Context != "ci" {
			t.Errorf("production's context is %q", target.Context)
		}
		d.Derived = append(d.Derived, bakefile.Derived{Target: target, Variants: []variants.Request{variants.NewRequest(variants.Known()[0])}})
	}
	d.File = "ci/docker-bake.debug.hcl"
	if _, err := b.Debug(proctest.Context(t), d); err != nil {
		t.Error(err)
	}
	d.File = "docker-bake.debug.hcl"
	if _, err := b.Debug(proctest.Context(t), d); err == nil || !strings.Contains(err.Error(), "write the file to the folder of ci/docker-bake.hcl") {
		t.Errorf("in another folder: %v", err)
	}
	if left, err := filepath.Glob("*/*"); err != nil || !slices.Equal(left, []string{"ci/docker-bake.hcl"}) {
		t.Errorf("the folder has %q, %v", left, err)
	}
}

// TestAFrontendImageOfTheUsersFile stays what it is.
func TestAFrontendImageOfTheUsersFile(t *testing.T) {
	files{"docker-bake.hcl": "variable \"DLVGEN_SYNTAX\" {\n  default = \"mirror.example/dlvgen:1\"\n}\ntarget \"default\" {\n  tags = [\"app\"]\n}\n"}.inFolder(t)
	derive(t, nil)
	got := printed(t, []string{"docker-bake.hcl", debugFile}, "debug")
	if syntax := got["default-debug-remote"].Args["BUILDKIT_SYNTAX"]; syntax != "mirror.example/dlvgen:1" || got["default"] == nil {
		t.Errorf("the syntax is %q, the targets %v", syntax, slices.Collect(maps.Keys(got)))
	}
}

// TestNamesThatAreTaken are those of targets and groups that the files have, asked for or not.
func TestNamesThatAreTaken(t *testing.T) {
	files{"docker-bake.hcl": project + "group \"debug\" {\n  targets = [\"app\"]\n}\ntarget \"app-dbg-remote\" {}\n"}.inFolder(t)
	b, err := bakefile.Read(proctest.Context(t), nil, []string{"app", "worker"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for group, taken := range map[string]string{"debug": "docker-bake.hcl has debug already", "dbg": "docker-bake.hcl has app-dbg-remote already"} {
		if _, err := debug(t, b, group); err == nil || !strings.Contains(err.Error(), taken) || !strings.Contains(err.Error(), "--group") {
			t.Errorf("group %s: %v", group, err)
		}
	}
	if _, err := debug(t, b, "variants"); err != nil {
		t.Error(err)
	}
}

// TestAFileOnStdin is read as often as it has to be.
func TestAFileOnStdin(t *testing.T) {
	files{}.inFolder(t)
	b, err := bakefile.Read(proctest.Context(t), []string{"-"}, nil, strings.NewReader(project))
	if err != nil {
		t.Fatal(err)
	}
	w, err := debug(t, b, "debug")
	if err != nil || len(w.Images) != 8 || !strings.Contains(string(w.Text), " bake -f - -f docker-bake.debug.hcl ") {
		t.Errorf("%v, images %v", err, w.Images)
	}
}

func TestWithoutBuildx(t *testing.T) {
	files{"docker-bake.hcl": project}.inFolder(t)
	t.Setenv("PATH", t.TempDir())
	if _, err := bakefile.Read(proctest.Context(t), nil, nil, nil); err == nil || !strings.Contains(err.Error(), "no docker buildx, which reads bake files: install it") {
		t.Errorf("got %v", err)
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	files{"bad.hcl": "target \"x\" {\n  tags = nope\n}\n", "docker-bake.hcl": project}.inFolder(t)
	for _, c := range []struct {
		names, targets []string
		want           string
	}{
		{[]string{"none.hcl"}, nil, "no bake file none.hcl: name one that is there"},
		{[]string{"app.web"}, nil, "or the target app_web for a service of that name"},
		{[]string{"bad.hcl"}, []string{"x"}, "bad.hcl:2,10-14: Unknown variable"},
		{nil, []string{"nobody"}, "failed to find target nobody"},
		{[]string{"https://example.com/app.git"}, nil, "is a URL: clone it"},
	} {
		_, err := bakefile.Read(proctest.Context(t), c.names, c.targets, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q %q: got %v, want %q on one line", c.names, c.targets, err, c.want)
		}
	}
}

// TestWhatIsNotReplaced: no file of the user's, and nothing that is no file (reading a pipe
// would never end).
func TestWhatIsNotReplaced(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(os.WriteFile("docker-bake.hcl", []byte(project), 0o600), os.Symlink("docker-bake.hcl", "link.hcl"),
		os.Mkdir("folder", 0o700), os.WriteFile("empty.hcl", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"docker-bake.hcl": "docker-bake.hcl was not made by dlvgen bake", "link.hcl": "link.hcl was not made by dlvgen bake",
		"empty.hcl": "empty.hcl was not made by dlvgen bake", "folder": "folder is not a file: choose another",
		os.DevNull: os.DevNull + " is not a file: choose another", "none/debug.hcl": "no folder none for the bake file",
	} {
		if err := bakefile.Replaceable(path); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
		if _, err := bakefile.Write(path, []byte("new")); err == nil {
			t.Errorf("%s is written", path)
		}
	}
	if text, err := os.ReadFile("docker-bake.hcl"); err != nil || string(text) != project {
		t.Errorf("the file has %q, %v", text, err)
	}
}

// TestAFileIsReplacedAsAWhole: whoever has the old file open keeps it whole, links and
// permissions stay, and nothing else is left in the folder.
func TestAFileIsReplacedAsAWhole(t *testing.T) {
	t.Chdir(t.TempDir())
	const first = "# Debug variants, made by dlvgen. First"
	if err := errors.Join(os.WriteFile("debug.hcl", []byte(first), 0o600), os.Symlink("debug.hcl", "link.hcl"), os.Symlink("new.hcl", "dangling.hcl")); err != nil {
		t.Fatal(err)
	}
	open, err := os.Open("debug.hcl")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	for _, path := range []string{"link.hcl", "dangling.hcl"} {
		if changed, err := bakefile.Write(path, []byte(first+" and second")); err != nil || !changed {
			t.Errorf("%s: changed is %v, %v", path, changed, err)
		}
	}
	if old, err := io.ReadAll(open); err != nil || string(old) != first {
		t.Errorf("a reader of the old file has %q, %v", old, err)
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, info.Mode().String()+" "+e.Name())
	}
	want := []string{"Lrwxrwxrwx dangling.hcl", "-rw------- debug.hcl", "Lrwxrwxrwx link.hcl", "-rw-r--r-- new.hcl"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the folder (-want +got):\n%s", diff)
	}
}

// TestAnOutputToStdoutHasNoVariants: the file would be called --debug.
func TestAnOutputToStdoutHasNoVariants(t *testing.T) {
	target := bakefile.Target{Outputs: []bakefile.Entry{{"type": "docker", "dest": "-"}}}
	if why := target.NoImage(); !strings.Contains(why, "stdout") {
		t.Errorf("it is skipped for %q", why)
	}
}

func TestArgumentsAreFilesOrTargets(t *testing.T) {
	is := map[string]bool{
		"docker-bake.hcl": true, "./bakefile": true, "ci/bakefile": true, `ci\bakefile`: true, "-": true, "compose.yaml": true,
		"app": false, "app-web": false, "app_*": false, "default": false,
	}
	for _, arg := range slices.Sorted(maps.Keys(is)) {
		if bakefile.IsFile(arg) != is[arg] {
			t.Errorf("%q: a file is %v", arg, bakefile.IsFile(arg))
		}
	}
}

var update = flag.Bool("update", false, "write the golden file")

// TestTheFileAsItIsWritten compares it with the golden file.
func TestTheFileAsItIsWritten(t *testing.T) {
	golden, err := filepath.Abs(filepath.Join("testdata", debugFile))
	if err != nil {
		t.Fatal(err)
	}
	files{"docker-bake.hcl": project}.inFolder(t)
	got := derive(t, nil, "app", "worker").Text
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("run go test -update (-want +got):\n%s", diff)
	}
}
