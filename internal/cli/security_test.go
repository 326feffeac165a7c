//go:build !race

// BuildKit's Dockerfile frontend resolves several base images at once, and writes one field
// from all of them: see frontend/breakpoint_test.go.

package cli_test

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"io"
	"maps"
	"net"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
)

// TestPromisesOfTheSecurityPage checks each heading of docs/security.md against what
// one build of all variants left.
func TestPromisesOfTheSecurityPage(t *testing.T) {
	g := buildGuarded(t)
	checks := map[string]func(*testing.T, *guarded){
		"The debugger asks for no password":        listensWhereItIsTold,
		"Production tags are never written":        productionStays,
		"Tags of other images are not overwritten": foreignTagsStay,
		"Tags move last":                           tagsMoveTogether,
		"Few files are added":                      fewFilesAreAdded,
		"Sources are what the compiler read":       sourcesAreCompiled,
		"Build secrets stay out":                   secretsStayOut,
		"The plan is as public as the image":       planRepeatsTheConfig,
		"The programs are pinned":                  programsArePinned,
		"Labels cannot run commands":               labelsRunNothing,
	}
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	var promises []string
	for _, heading := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllSubmatch(page, -1) {
		promises = append(promises, string(heading[1]))
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(checks)), slices.Sorted(slices.Values(promises))); diff != "" {
		t.Errorf("the checks (-) and the page's promises (+) differ:\n%s", diff)
	}
	for _, promise := range promises {
		if check := checks[promise]; check != nil {
			t.Run(promise, func(t *testing.T) { check(t, g) })
		}
	}
}

// The repositories of the test.
const (
	guardedRepository = "security/guarded"
	guardedTag        = guardedRepository + ":v1"
)

// guardedSecrets are the build's secrets, by id.
var guardedSecrets = map[string]string{
	"token":    "token-marker-8f21",
	"source":   "package main\n\n// source-marker-d3e4\nconst secret = \"source-value-55f0\"\n",
	"variable": "variable-marker-a6b7",
}

// secretMarkers are found in nothing that dlvgen makes. The value of the constant is in
// the program, as in production.
var secretMarkers = []string{"token-marker-8f21", "source-marker-d3e4", "variable-marker-a6b7"}

// guarded is the program of that name, pushed as production and as all variants.
type guarded struct {
	reg        *testenv.Registry
	dir        string
	secrets    []string // flags
	production v1.Image
	debug      map[string]v1.Image // by the variant's name
	output     string              // what the command printed

	files map[v1.Image]map[string][]byte // of the images that were read
}

func buildGuarded(t *testing.T) *guarded {
	t.Helper()
	reg := needBuildKit(t)
	g := &guarded{reg: reg, dir: testenv.Service(t, "guarded"), debug: map[string]v1.Image{}, files: map[v1.Image]map[string][]byte{}}
	for id, value := range guardedSecrets {
		file := filepath.Join(t.TempDir(), id)
		if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
		g.secrets = append(g.secrets, "--secret", "id="+id+",src="+file)
	}
	values := map[string][]byte{}
	for id, value := range guardedSecrets {
		values[id] = []byte(value)
	}
	solved, err := testenv.SharedBuildKit(t).Solve(proctest.Context(t), testenv.Solve{
		Context: g.dir, Push: reg.Ref(guardedTag),
		Session: []session.Attachable{secretsprovider.FromMap(values)},
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, solved.Log)
	}
	g.production = g.image(t, guardedTag)
	r := dlvgen(t, g.args("-t", reg.Ref(guardedTag), "--variant", "all", "--push")...)
	if r.code != cli.ExitOK {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	g.output = r.stdout + r.stderr
	for _, p := range variants.Names() {
		v, err := variants.ByName(p)
		if err != nil {
			t.Fatal(err)
		}
		g.debug[p] = g.image(t, guardedTag+v.Suffix)
	}
	return g
}

// args is a command line of `dlvgen build` for the service.
func (g *guarded) args(flags ...string) []string {
	return slices.Concat(g.secrets, flags, []string{g.dir})
}

func (g *guarded) image(t *testing.T, name string) v1.Image {
	t.Helper()
	img, err := g.reg.Image(proctest.Context(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// filesOf are the regular files of an image, by their absolute path; folders and links
// have no content.
func (g *guarded) filesOf(t *testing.T, img v1.Image) map[string][]byte {
	t.Helper()
	if found, ok := g.files[img]; ok {
		return found
	}
	found := map[string][]byte{}
	for e, err := range testenv.Entries(mutate.Extract(img)) {
		if err != nil {
			t.Fatal(err)
		}
		found[path.Join("/", e.Name)] = e.Content
	}
	g.files[img] = found
	return found
}

func digest(t *testing.T, img v1.Image) string {
	t.Helper()
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

// refused runs a build that must fail, and says so of nothing else than of the text.
func (g *guarded) refused(t *testing.T, text string, flags ...string) {
	t.Helper()
	r := dlvgen(t, g.args(flags...)...)
	if r.code == cli.ExitOK || !strings.Contains(r.stderr, text) {
		t.Errorf("dlvgen build %q: exit code %d, want a refusal with %q:\n%s", flags, r.code, text, r.stderr)
	}
}

func listensWhereItIsTold(t *testing.T, g *guarded) {
	testenv.Require(t, testenv.NeedDocker)
	const name = "security/listen:v1"
	mustBuild(t, g.args("-t", g.reg.Ref(name), "--variant", "remote", "--listen", "127.0.0.1:8000", "--push")...)
	c := testenv.SharedDocker(t).Run(t, "--publish", "127.0.0.1::8000", g.reg.Ref(name+"-debug"))
	// Once the debugger answers inside, the published port must not lead to it.
	until := time.Now().Add(time.Minute)
	for {
		log, err := c.Logs(proctest.Context(t))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(log, "listening at") {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("the debugger does not listen:\n%s", log)
		}
		time.Sleep(20 * time.Millisecond)
	}
	addr, err := c.Addr(proctest.Context(t), 8000)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(`{"method":"RPCServer.GetVersion","params":[{}],"id":1}`)); err != nil {
		return
	}
	if answer, _ := io.ReadAll(conn); len(answer) > 0 {
		t.Errorf("the debugger answers outside of the container: %s", answer)
	}
}

func productionStays(t *testing.T, g *guarded) {
	if before, now := digest(t, g.production), digest(t, g.image(t, guardedTag)); now != before {
		t.Errorf("the production tag names %s, and named %s", now, before)
	}
	ref := g.reg.Ref(guardedTag)
	g.refused(t, "production", "-t", ref, "-t", ref+"-debug", "--push")
	g.refused(t, ref, "-t", ref, "--push", "--cache-to", "type=registry,ref="+ref)
	if before, now := digest(t, g.production), digest(t, g.image(t, guardedTag)); now != before {
		t.Errorf("a refused build moved the production tag from %s to %s", before, now)
	}
}

func foreignTagsStay(t *testing.T, g *guarded) {
	before := g.pushForeign(t, "security/foreign:v1-debug")
	for _, flags := range [][]string{
		{"--push"}, {"-o", "type=image,push="}, {"-o", "type=image,push=true"}, {"-o", "type=registry"},
		{"--cache-to", "type=registry,ref=" + g.reg.Ref("security/foreign:v1-debug")},
	} {
		g.refused(t, "security/foreign:v1-debug", append([]string{"-t", g.reg.Ref("security/foreign:v1")}, flags...)...)
		if now := digest(t, g.image(t, "security/foreign:v1-debug")); now != before {
			t.Fatalf("%q: the tag names %s, and named %s", flags, now, before)
		}
	}
}

// pushForeign stores an image that dlvgen did not make.
func (g *guarded) pushForeign(t *testing.T, name string) string {
	t.Helper()
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.reg.Push(proctest.Context(t), name, img); err != nil {
		t.Fatal(err)
	}
	return digest(t, img)
}

func tagsMoveTogether(t *testing.T, g *guarded) {
	g.pushForeign(t, "security/together:v1-debug-src")
	g.refused(t, "v1-debug-src", "-t", g.reg.Ref("security/together:v1"), "--variant", "remote,remote-src", "--push")
	if _, err := g.reg.Image(proctest.Context(t), "security/together:v1-debug"); err == nil {
		t.Error("one tag of two moved")
	}
}

// added lists the files, folders and links that a debug image has and production has not.
func (g *guarded) added(t *testing.T, variant string) []string {
	t.Helper()
	production := g.filesOf(t, g.production)
	var list []string
	for name := range g.filesOf(t, g.debug[variant]) {
		if _, ok := production[name]; !ok {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// isOurs tells whether a path is dlvgen's own.
func isOurs(name string) bool {
	return name == layout.Delve || name == layout.Dir || strings.HasPrefix(name, layout.Dir+"/")
}

func fewFilesAreAdded(t *testing.T, g *guarded) {
	for _, name := range g.added(t, "remote") {
		if !isOurs(name) {
			t.Errorf("remote has %s", name)
		}
	}
	production, remote := g.filesOf(t, g.production), g.filesOf(t, g.debug["remote"])
	for name, content := range production {
		if got, ok := remote[name]; !ok || !bytes.Equal(got, content) && name != "/usr/local/bin/server" {
			t.Errorf("%s is another file than production's, or missing", name)
		}
	}
}

func sourcesAreCompiled(t *testing.T, g *guarded) {
	want := []string{"/src", "/src/go.mod", "/src/main.go"}
	for _, variant := range []string{"remote-src", "attach", "sidecar"} {
		got := slices.DeleteFunc(g.added(t, variant), isOurs)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", variant, diff)
		}
		if plan := string(g.filesOf(t, g.debug[variant])[layout.Plan]); !strings.Contains(plan, "/src/secret.go") {
			t.Errorf("%s: the plan does not say that /src/secret.go was left out", variant)
		}
	}
}

func secretsStayOut(t *testing.T, g *guarded) {
	// A refusal prints the calls of go.
	r := dlvgen(t, g.args("-t", g.reg.Ref("security/refused:v1"), "--program", "/bin/busybox", "--push")...)
	if r.code == cli.ExitOK || !strings.Contains(r.stderr, "-X main.license=") {
		t.Errorf("exit code %d, want a refusal with the call of go:\n%s", r.code, r.stderr)
	}
	found := map[string][]byte{"the command's output": []byte(g.output), "a refusal": []byte(r.stdout + r.stderr)}
	for variant, img := range g.debug {
		config, err := img.RawConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := img.RawManifest()
		if err != nil {
			t.Fatal(err)
		}
		found[variant+"'s config"], found[variant+"'s manifest"] = config, manifest
		for name, content := range g.filesOf(t, img) {
			// What is given to -X is in the program, as in production.
			if name != "/usr/local/bin/server" && name != layout.SymbolsFile {
				found[variant+": "+name] = content
			}
		}
	}
	for where, content := range found {
		for _, marker := range secretMarkers {
			if bytes.Contains(content, []byte(marker)) {
				t.Errorf("%s has %s", where, marker)
			}
		}
	}
}

func planRepeatsTheConfig(t *testing.T, g *guarded) {
	for variant, img := range g.debug {
		var plan variants.Plan
		if err := json.Unmarshal(g.filesOf(t, img)[layout.Plan], &plan); err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(config.Config.Env, plan.Config.Config.Env); diff != "" {
			t.Errorf("%s: the environment of image (-) and plan (+) differ:\n%s", variant, diff)
		}
	}
}

func programsArePinned(t *testing.T, g *guarded) {
	all := g.filesOf(t, g.debug["remote"])
	for _, name := range []string{layout.Delve, layout.Init} {
		program, err := elf.NewFile(bytes.NewReader(all[name]))
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(program.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
			t.Errorf("%s is not static", name)
		}
	}
	var plan variants.Plan
	if err := json.Unmarshal(all[layout.Plan], &plan); err != nil {
		t.Fatal(err)
	}
	built, err := buildinfo.Read(bytes.NewReader(all[layout.Delve]))
	if err != nil {
		t.Fatal(err)
	}
	if m := built.Main; m.Path != "github.com/go-delve/delve" || m.Version != "v"+plan.Delve || !strings.HasPrefix(m.Sum, "h1:") {
		t.Errorf("%s is made from %+v, want version %s with its checksum", layout.Delve, m, plan.Delve)
	}
	if built, err = buildinfo.Read(bytes.NewReader(all[layout.Init])); err != nil {
		t.Fatal(err)
	}
	if len(built.Deps) > 0 {
		t.Errorf("%s is made from %v, want the standard library alone", layout.Init, built.Deps)
	}
}

func labelsRunNothing(t *testing.T, g *guarded) {
	for label, value := range map[string]string{
		variants.LabelPaths:  `[{"path":"/x\nEOF\ntouch pwned #","kind":"module","module":"example.com/hello"}]`,
		variants.LabelListen: "$(touch pwned):8000",
	} {
		ref := pushLabelled(t, g.reg, "security/labels:v1-debug", recorded(map[string]string{label: value}))
		if r := connect(t, ref); r.code == cli.ExitOK || r.stdout != "" || !strings.Contains(r.stderr, label) {
			t.Errorf("%s: exit code %d, want a refusal that names the label:\n%s%s", label, r.code, r.stdout, r.stderr)
		}
	}
}
