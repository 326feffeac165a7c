package cli_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// call runs a command of dlvgen's that needs no builder.
func call(t *testing.T, args ...string) ran {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(proctest.Context(t), args, strings.NewReader(""), &stdout, &stderr)
	return ran{code, stdout.String(), stderr.String()}
}

// mustCall is call for what succeeds.
func mustCall(t *testing.T, args ...string) ran {
	t.Helper()
	r := call(t, args...)
	if r.code != cli.ExitOK {
		t.Fatalf("%q: exit code %d\n%s", args, r.code, r.stderr)
	}
	return r
}

// labelled are the labels of a debug image of a variant.
func labelled(t *testing.T, variant string) map[string]string {
	t.Helper()
	v, err := variants.ByName(variant)
	if err != nil {
		t.Fatal(err)
	}
	labels, err := variants.Labels{Format: "1", Version: "v1.0.0", Variant: v.Name, Preset: v.Name, Kind: v.Kind, Sources: v.Sources, Delve: "1.27.2", Go: "go1.26.8", Listen: ":8000"}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return labels
}

func TestLsListsWhatTheRegistryHas(t *testing.T) {
	reg := newRegistry(t)
	production := strings.Split(pushLabelled(t, reg, "app:v1.0.0", nil), "@")[1]
	debug := strings.Split(pushLabelled(t, reg, "app:v1.0.0-debug", labelled(t, "remote")), "@")[1]
	pushLabelled(t, reg, "app:v1.0.0-debug-src", labelled(t, "remote-src"))
	bad := pushLabelled(t, reg, "app:v1.0.0-debug-attach", map[string]string{variants.LabelVersion: "v1", variants.LabelVariant: "a\x1b[2Jb"})
	r := mustCall(t, "attach", reg.Ref("app:v1.0.0-debug"))
	if want := reg.Ref("app:v1.0.0-debug") + "@" + debug + " " + reg.Ref("app:v1.0.0") + "@" + production + "\n"; r.stdout != want {
		t.Errorf("attach printed %q, want %q", r.stdout, want)
	}
	for _, name := range []string{"app:v1.0.0", "app:v1.0.0-debug"} {
		r = mustCall(t, "ls", reg.Ref(name))
		got := regexp.MustCompile(`[\d.]+k?B`).ReplaceAllString(strings.NewReplacer(production[7:19], "PRODUCTION__", debug[7:19], "DEBUG_______").Replace(r.stdout), "SIZE")
		lines := strings.Split(got, "\n")
		want := []string{
			"VARIANT      TAG                   DIGEST                PLATFORMS   GO       DELVE    CREATED   SIZE   STATUS",
			"production   v1.0.0                sha256:PRODUCTION__   -           -        -        N/A       SIZE   -",
			"remote       v1.0.0-debug          sha256:DEBUG_______   -           1.26.8   1.27.2   N/A       SIZE   current",
		}
		for i, line := range want {
			if strings.Join(strings.Fields(lines[i]), " ") != strings.Join(strings.Fields(line), " ") {
				t.Errorf("line %d is %q, want %q", i+1, lines[i], line)
			}
		}
		for _, says := range []string{"v1.0.0-debug for a prerelease of v1.0.0", `the label io.github.dlvgen.variant="a\x1b[2Jb"`} {
			if !strings.Contains(r.stderr, says) {
				t.Errorf("stderr lacks %q:\n%s", says, r.stderr)
			}
		}
		if strings.Contains(r.stdout+r.stderr, "\x1b") {
			t.Errorf("a label acts on the terminal:\n%q\n%q", r.stdout, r.stderr)
		}
	}
	var listed struct {
		Repository string
		Production struct{ Ref, Digest string }
		Images     []struct {
			Ref, Digest, Status, Variant, Kind, Sources, Go, Delve, Dlvgen, Problem string
			Size                                                                    int64
			Platforms                                                               []struct{ Platform, Digest string }
			Production                                                              struct{ Tag, Digest string }
		}
	}
	r = mustCall(t, "ls", reg.Ref("app:v1.0.0-debug@")+debug, "--format", "json")
	if err := json.Unmarshal([]byte(r.stdout), &listed); err != nil {
		t.Fatalf("%v in\n%s", err, r.stdout)
	}
	if listed.Repository != reg.Ref("app") || listed.Production.Digest != production || len(listed.Images) != 3 {
		t.Fatalf("listed %+v", listed)
	}
	for _, img := range listed.Images {
		switch img.Variant {
		case "remote":
			if img.Status != "current" || img.Production.Tag != "v1.0.0" || img.Production.Digest != production || img.Digest != debug || img.Size == 0 || len(img.Platforms) != 1 {
				t.Errorf("remote: %+v", img)
			}
		case "remote-src":
			if img.Status != "unlinked" || img.Kind != "remote" || img.Sources != "baked" || img.Dlvgen != "v1.0.0" {
				t.Errorf("remote-src: %+v", img)
			}
		default:
			if img.Problem == "" || img.Ref+"@"+img.Digest != bad {
				t.Errorf("the one with a bad label: %+v, want %s", img, bad)
			}
		}
	}
}

func TestCommandsOfRegistriesSayWhatIsWrong(t *testing.T) {
	reg := newRegistry(t)
	pushLabelled(t, reg, "app:v1", nil)
	pushLabelled(t, reg, "app:debug", labelled(t, "remote"))
	for _, test := range []struct {
		code int
		says string
		args []string
	}{
		{cli.ExitFailure, "has no such image", []string{"ls", reg.Ref("app:v2")}},
		{cli.ExitUsage, "one image is listed at a time", []string{"ls"}},
		{cli.ExitUsage, "no valid digest", []string{"ls", reg.Ref("app@sha256:12")}},
		{cli.ExitFailure, "it is no debug image", []string{"inspect", reg.Ref("app:v1")}},
		{cli.ExitFailure, "has no plan at /.dlvgen/plan.json", []string{"inspect", reg.Ref("app:debug")}},
		{cli.ExitFailure, "was not made by dlvgen", []string{"attach", reg.Ref("app:v1")}},
		{cli.ExitFailure, "1 of 2 images were not linked", []string{"attach", "--production", "v1", reg.Ref("app:v1"), reg.Ref("app:debug")}},
		{cli.ExitUsage, "--production", []string{"attach", "--production", "a b", reg.Ref("app:debug")}},
		{cli.ExitUsage, "whole repositories are pruned: write " + reg.Ref("app"), []string{"prune", reg.Ref("app:v1")}},
		{cli.ExitUsage, "whole repositories are pruned: write " + reg.Ref("app"), []string{"prune", reg.Ref("app@sha256:12")}},
		{cli.ExitUsage, "has no tag", []string{"attach", reg.Ref("app:debug"), reg.Ref("app@sha256:") + strings.Repeat("0", 64)}},
		{cli.ExitUsage, "is invalid", []string{"attach", reg.Ref("App:debug")}},
		{cli.ExitUsage, "one repository is pruned at a time", []string{"prune"}},
	} {
		r := call(t, test.args...)
		if r.code != test.code || !strings.Contains(r.stderr, test.says) {
			t.Errorf("%q: exit code %d, want %d, and stderr without %q:\n%s", test.args, r.code, test.code, test.says, r.stderr)
		}
	}
}

// withPlan is an image with a plan of the tests' own, which nothing checks but its format.
func withPlan(t *testing.T, img v1.Image, plan []byte) v1.Image {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	header := &tar.Header{Name: ".dlvgen/plan.json", Mode: 0o644, Size: int64(len(plan))}
	err := w.WriteHeader(header)
	if err == nil {
		_, err = w.Write(plan)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err = mutate.AppendLayers(img, layer)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestInspectShowsThePlan(t *testing.T) {
	reg := newRegistry(t)
	plan, err := os.ReadFile(filepath.Join("..", "..", "testdata", "plans", "attach.json"))
	if err != nil {
		t.Fatal(err)
	}
	pushLabelled(t, reg, "app:v1-debug", labelled(t, "attach"))
	img, err := reg.Image(proctest.Context(t), "app:v1-debug")
	if err != nil {
		t.Fatal(err)
	}
	push := func(plan []byte) string {
		t.Helper()
		ref, err := reg.Push(proctest.Context(t), "app:v1-debug", withPlan(t, img, plan))
		if err != nil {
			t.Fatal(err)
		}
		return ref
	}
	pushed := push(plan)
	for _, ref := range []string{reg.Ref("app:v1-debug"), pushed} {
		r := mustCall(t, "inspect", ref)
		for _, says := range []string{
			"variant      attach, sources baked\n",
			"program      /server, compiled with Go 1.26.8\n",
			"debugger     Delve 1.27.2\n",
			"starts       /server --port 12345\n",
			"source path  /src: module example.com/hello\n",
			"added        /dlv: Delve 1.27.2\n",
		} {
			if !strings.Contains(r.stdout, says) {
				t.Errorf("%s: stdout lacks %q:\n%s", ref, says, r.stdout)
			}
		}
	}
	var got []struct {
		Digest string
		Plan   json.RawMessage
	}
	r := mustCall(t, "inspect", reg.Ref("app:v1-debug"), "--format", "json")
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || len(got) != 1 {
		t.Fatalf("%v in\n%s", err, r.stdout)
	}
	var is, want bytes.Buffer
	if err := errors.Join(json.Compact(&is, got[0].Plan), json.Compact(&want, plan)); err != nil || is.String() != want.String() {
		t.Errorf("%v: the plan is\n%s\nwant\n%s", err, is.String(), want.String())
	}

	push(bytes.ReplaceAll(plan, []byte("/server"), []byte(`/\u001b[2J\u202e`)))
	for _, format := range []string{"text", "json"} {
		if r := mustCall(t, "inspect", reg.Ref("app:v1-debug"), "--format", format); strings.ContainsAny(r.stdout, "\x1b\u202e") {
			t.Errorf("a plan acts on the terminal: %q", r.stdout)
		}
	}
	push(bytes.Replace(plan, []byte(`"format": 1`), []byte(`"format": 2`), 1))
	if r := call(t, "inspect", reg.Ref("app:v1-debug")); r.code != cli.ExitFailure || !strings.Contains(r.stderr, "v1.0.0") {
		t.Errorf("a plan of a later dlvgen: exit code %d\n%s", r.code, r.stderr)
	}
}

func TestPruneDeletesOnlyWhenAskedTo(t *testing.T) {
	reg := newRegistry(t)
	pushLabelled(t, reg, "app:v1", nil)
	pushLabelled(t, reg, "app:v2", nil)
	for _, tag := range []string{"v1", "v2", "v3"} {
		labels := labelled(t, "remote")
		labels[variants.LabelProductionName] = reg.Ref("app:" + tag)
		pushLabelled(t, reg, "app:"+tag+"-debug", labels)
	}
	pushLabelled(t, reg, "app:v3-debug-src", nil) // somebody else's
	mustCall(t, "attach", reg.Ref("app:v1-debug"), reg.Ref("app:v2-debug"))
	pushLabelled(t, reg, "app:v1", nil)
	dry := mustCall(t, "prune", reg.Ref("app"))
	if !strings.Contains(dry.stderr, "nothing was deleted: run it again with --yes to delete 2 debug tags of 3") {
		t.Errorf("stderr is %q", dry.stderr)
	}
	for _, row := range []string{`(?m)^v1-debug +sha256:\w{12} +remote +v1 +N/A +[\d.]+k?B +stale$`, `(?m)^v3-debug +sha256:\w{12} +remote +v3 +N/A +[\d.]+k?B +gone$`} {
		if !regexp.MustCompile(row).MatchString(dry.stdout) {
			t.Errorf("stdout lacks %s:\n%s", row, dry.stdout)
		}
	}
	for _, tag := range []string{"v1-debug", "v3-debug"} {
		if digestOf(t, reg, "app:"+tag) == "" {
			t.Errorf("%s was deleted", tag)
		}
	}
	r := mustCall(t, "prune", reg.Ref("app"), "--yes", "--format", "json")
	var deleted []struct {
		Ref     string
		Deleted bool
	}
	if err := json.Unmarshal([]byte(r.stdout), &deleted); err != nil || len(deleted) != 2 || !deleted[0].Deleted || deleted[1].Ref != reg.Ref("app:v3-debug") {
		t.Errorf("%v: %s", err, r.stdout)
	}
	for tag, there := range map[string]bool{"v1-debug": false, "v3-debug": false, "v2-debug": true, "v3-debug-src": true, "v1": true, "v2": true} {
		if (digestOf(t, reg, "app:"+tag) != "") != there {
			t.Errorf("%s is there: %v, want %v", tag, !there, there)
		}
	}
	if r := mustCall(t, "prune", reg.Ref("app"), "-y"); r.stdout != "" || !strings.Contains(r.stderr, "nothing to delete") {
		t.Errorf("stdout %q, stderr %q", r.stdout, r.stderr)
	}
}

// What a build pushes does not depend on what the registry has of production.
func TestBuildsAreLinkedWithProduction(t *testing.T) {
	reg := needBuildKit(t)
	dir := testenv.Service(t, "hello")
	name := reg.Ref("cli/linked:v1.0.0")
	build := func(args ...string) ran {
		t.Helper()
		r := dlvgen(t, append(args, "-t", name, "--push", dir)...)
		if r.code != cli.ExitOK {
			t.Fatalf("exit code %d\n%s", r.code, r.stderr)
		}
		return r
	}
	before := build()
	if want := name + " is not in the registry, so nothing links it with its debug images: after it is pushed, run `dlvgen attach " + name + "-debug`"; !strings.Contains(before.stderr, want) {
		t.Errorf("stderr lacks %q:\n%s", want, before.stderr)
	}
	if !strings.Contains(before.stderr, "for a prerelease of v1.0.0") {
		t.Errorf("nothing is said of the version:\n%s", before.stderr)
	}
	pushForeign(t, reg, "cli/linked:v1.0.0")
	after := build("--format", "json")
	var built []struct{ Ref, Digest, Production string }
	if err := json.Unmarshal([]byte(after.stdout), &built); err != nil || len(built) != 1 {
		t.Fatalf("%v in\n%s", err, after.stdout)
	}
	if got := built[0].Ref + "@" + built[0].Digest + "\n"; got != before.stdout {
		t.Errorf("with production it is %s, and without it was %s", got, before.stdout)
	}
	if production := digestOf(t, reg, "cli/linked:v1.0.0"); built[0].Production != production {
		t.Errorf("linked with %q, want %s", built[0].Production, production)
	}
	if r := mustCall(t, "ls", name); !regexp.MustCompile(`(?m)^remote +v1\.0\.0-debug .* current$`).MatchString(r.stdout) {
		t.Errorf("listed:\n%s", r.stdout)
	}
	if r := mustCall(t, "inspect", name+"-debug"); !strings.Contains(r.stdout, "production   "+name+"\n") {
		t.Errorf("inspected:\n%s", r.stdout)
	}
}

// TestFiltersForUpdatersTakeReleasesOnly reads the regular expressions of the documentation:
// all of these tools use Go's, or RE2, whose syntax Go has.
func TestFiltersForUpdatersTakeReleasesOnly(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "registry.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]string{
		"Flux":                  `pattern: '(.*)'`,
		"Argo CD Image Updater": `allow-tags: 'regexp:(.*)'`,
		"Renovate":              `"allowedVersions": "/(.*)/"`,
		"Keel":                  `keel\.sh/policy: 'regexp:(.*)'`,
	} {
		found := regexp.MustCompile(from).FindSubmatch(page)
		if found == nil {
			t.Errorf("the page has no filter for %s", name)
			continue
		}
		text := string(found[1])
		if name == "Renovate" {
			text = strings.ReplaceAll(text, `\\`, `\`) // in JSON
		}
		filter, err := regexp.Compile(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, production := range []string{"v1.4.2", "1.4.2", "v10.20.30"} {
			if !filter.MatchString(production) {
				t.Errorf("the filter for %s leaves out %s", name, production)
			}
			for _, v := range variants.Known() {
				if debug := production + v.Suffix; filter.MatchString(debug) {
					t.Errorf("the filter for %s takes %s", name, debug)
				}
			}
		}
	}
}
