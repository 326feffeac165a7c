package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// inFolder is the working folder of the test, with files.
func inFolder(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

type composed struct {
	Services []struct {
		Service, Variant, Image, Address, Sidecar string
		Built                                     bool
	}
	Skipped []struct{ Service, Reason string }
}

// composes runs `dlvgen compose --format json`.
func composes(t *testing.T, args ...string) (c composed, stderr string) {
	t.Helper()
	r := mustCall(t, append([]string{"compose", "--format", "json"}, args...)...)
	if err := json.Unmarshal([]byte(r.stdout), &c); err != nil {
		t.Fatalf("%v:\n%s", err, r.stdout)
	}
	return c, r.stderr
}

// TestServicesGetTheDebugImagesOfARegistry has production with debug images of three variants,
// one that is stale, and an image that is not Go.
func TestServicesGetTheDebugImagesOfARegistry(t *testing.T) {
	reg := newRegistry(t)
	for _, name := range []string{"app:v1", "proxy:v1"} {
		pushLabelled(t, reg, name, nil)
	}
	debug := pushLabelled(t, reg, "app:v1-debug", labelled(t, "remote"))
	source := pushLabelled(t, reg, "app:v1-debug-src", labelled(t, "remote-src"))
	sidecar := pushLabelled(t, reg, "app:v1-debug-sidecar", labelled(t, "sidecar"))
	mustCall(t, "attach", reg.Ref("app:v1-debug"), reg.Ref("app:v1-debug-sidecar"))
	production := reg.Ref("app:v1")
	inFolder(t, map[string]string{
		"compose.yaml": "services:\n  app: {image: '" + production + "'}\n  tagged: {image: '${NAME:-" + production + "}'}\n  proxy: {image: '" + reg.Ref("proxy:v1") + "'}\n  idle: {image: '" + production + "', profiles: [idle]}\n",
	})
	want := "proxy: " + reg.Ref("proxy:v1") + " has no debug image of the variant remote: if it is a Go program, make one with `dlvgen derive " + reg.Ref("proxy:v1") + " --load`"
	r := mustCall(t, "compose")
	if r.stderr != "dlvgen: skipped service "+want+"\n" {
		t.Errorf("stderr is %q", r.stderr)
	}
	for _, part := range []string{"  app:\n    image: " + debug + "\n", "  tagged:\n    image: ${NAME:-" + production + "}-debug\n", "- 127.0.0.1:8000:8000\n", "DLVGEN_START: continue\n"} {
		if !strings.Contains(r.stdout, part) {
			t.Errorf("stdout lacks %q:\n%s", part, r.stdout)
		}
	}
	if strings.Contains(r.stdout, "proxy") || strings.Contains(r.stdout, "idle") {
		t.Errorf("it prints\n%s", r.stdout)
	}
	const file = "compose.debug.yaml"
	for _, said := range []string{"dlvgen: wrote compose.debug.yaml, services to debug: 2\n", "dlvgen: nothing to change in compose.debug.yaml, services to debug: 2\n"} {
		if r := mustCall(t, "compose", "-o", file); !strings.HasSuffix(r.stderr, said) || r.stdout != "" {
			t.Errorf("stdout %q, stderr %q", r.stdout, r.stderr)
		}
		t.Setenv("COMPOSE_FILE", "compose.yaml"+string(os.PathListSeparator)+file)
	}

	c, _ := composes(t, "--image", "proxy="+source, "--start", "hold", "--port", "9000", "idle")
	got := map[string][]string{}
	for _, s := range c.Services {
		got[s.Service] = []string{s.Image, s.Address}
	}
	if diff := cmp.Diff(map[string][]string{"idle": {debug, "127.0.0.1:9000"}, "proxy": {source, "127.0.0.1:9001"}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	c, _ = composes(t, "--variant", "sidecar", "app")
	if len(c.Services) != 1 || c.Services[0].Sidecar != "app-debug" || c.Services[0].Image != sidecar || c.Services[0].Address != "127.0.0.1:8000" {
		t.Errorf("a sidecar: %+v", c)
	}
	refusesServices(t, want)

	pushLabelled(t, reg, "app:v1", map[string]string{"a": "b"})
	if r := call(t, "compose", "app"); r.code != cli.ExitFailure || !strings.Contains(r.stderr, "was derived from what "+production+" was before: build it again") {
		t.Errorf("a stale image: %q", r.stderr)
	}
}

// refusesServices has what TestServicesGetTheDebugImagesOfARegistry cannot debug.
func refusesServices(t *testing.T, proxy string) {
	t.Helper()
	foreign := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(foreign, []byte("services: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		code int
		err  string
		args []string
	}{
		{cli.ExitFailure, "dlvgen: service " + proxy, []string{"proxy"}},
		{cli.ExitFailure, "dlvgen: no service other in compose.yaml: there are app, idle, proxy, tagged", []string{"other"}},
		{cli.ExitFailure, "dlvgen: no service other in compose.yaml: ", []string{"--image", "other=x"}},
		{cli.ExitFailure, "dlvgen: no file ", []string{"-f", "none.yaml"}},
		{cli.ExitFailure, "mine.yaml was not made by dlvgen compose: choose another file with -o, or delete it", []string{"-o", foreign}},
		{cli.ExitFailure, "dlvgen: no folder none for the compose file", []string{"-o", "none/x.yaml"}},
		{cli.ExitFailure, "dlvgen: service app: " + strings.Fields(proxy)[1] + " is no debug image", []string{"--image", "app=" + strings.Fields(proxy)[1], "app"}},
		{cli.ExitUsage, `--start is "now": it must be hold or continue`, []string{"--start", "now"}},
		{cli.ExitUsage, "--port is 0: it must be a number from 1 to 65535", []string{"--port", "0"}},
		{cli.ExitUsage, "--variant names 2 variants, and a service has one debugger: name one", []string{"--variant", "remote,attach"}},
		{cli.ExitUsage, `--frontend-image is "x}y"`, []string{"--frontend-image", "x}y"}},
		{cli.ExitUsage, `did you mean "remote"`, []string{"--variant", "remot"}},
	} {
		if r := call(t, append([]string{"compose"}, tc.args...)...); r.code != tc.code || r.stdout != "" || !strings.Contains(r.stderr, tc.err) {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q, want %q", tc.args, r.code, r.stdout, r.stderr, tc.err)
		}
	}
}

// TestServicesThatAreBuilt are checked as explain does: those that build Go are debugged, also
// where their image needs the debugger's port, and the others stay as they are.
func TestServicesThatAreBuilt(t *testing.T) {
	needBuildKit(t)
	bk := testenv.SharedBuildKit(t) // which finds the repository from the working folder
	newRegistry(t)                  // no Docker Engine
	const stages = "FROM golang:1.26 AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o /app .\nFROM scratch\nCOPY --from=build /app /app\n"
	program := map[string]string{}
	for _, dir := range []string{"app", "port"} {
		program[dir+"/go.mod"] = "module example.com/app\n\ngo 1.26\n"
		program[dir+"/main.go"] = "package main\n\nfunc main() {}\n"
	}
	program["app/Dockerfile"] = stages + "ENTRYPOINT [\"/app\"]\n"
	program["port/Dockerfile"] = stages + "EXPOSE 8000\nENTRYPOINT [\"/app\"]\n"
	program["site/Dockerfile"] = "FROM busybox\nCMD [\"sh\"]\n"
	program["compose.yaml"] = `services:
  app: {build: app, image: "app:v1"}
  again: {image: "app:v1", entrypoint: [/app, -again]}
  inline: {build: {context: app, dockerfile_inline: ` + strconv.Quote(stages+"CMD [\"/app\"]\n") + `}}
  port: {build: port}
  nowhere: {build: none}
  linked: {build: {context: app, additional_contexts: {x: "service:site"}}}
  site: {build: site}
`
	inFolder(t, program)
	c, stderr := composes(t, "--addr", bk.Addr, "-o", "compose.debug.yaml")
	var names []string
	for _, s := range c.Services {
		names = append(names, s.Service)
	}
	if want := []string{"again", "app", "inline", "port"}; !slices.Equal(names, want) {
		t.Fatalf("debugged are %q, want %q:\n%s", names, want, stderr)
	}
	reasons := map[string]string{}
	for _, s := range c.Skipped {
		reasons[s.Service] = s.Reason
	}
	for name, want := range map[string]string{"site": "Go", "nowhere": "so docker compose cannot build it", "linked": "its context x is the result of another service"} {
		if !strings.Contains(reasons[name], want) || !strings.Contains(stderr, "dlvgen: skipped service "+name+": "+reasons[name]) {
			t.Errorf("%s is skipped since %q, want %q", name, reasons[name], want)
		}
	}
	text, err := os.ReadFile("compose.debug.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(string(text), "\n  port:\n")
	if len(got) != 2 || !strings.Contains(got[1], "DLVGEN_LISTEN: :8002\n") || !strings.Contains(got[1], "- 127.0.0.1:8002:8002\n") || strings.Contains(got[0], "DLVGEN_LISTEN") {
		t.Errorf("the image that has EXPOSE 8000:\n%s", text)
	}
	if strings.Count(string(text), "DLVGEN_ENTRY: inplace\n") != 1 || strings.Count(string(text), "image: app:v1-debug\n") != 2 {
		t.Errorf("an entrypoint in another service with the image:\n%s", text)
	}
	want := composed{Services: c.Services, Skipped: c.Skipped}
	if again, _ := composes(t, "--addr", bk.Addr, "-o", "compose.debug.yaml"); cmp.Diff(want, again, cmpopts.EquateEmpty()) != "" {
		t.Errorf("the second time:\n%s", cmp.Diff(want, again))
	}
	if r := call(t, "compose", "--addr", bk.Addr, "site"); r.code != cli.ExitFailure || !strings.HasPrefix(r.stderr, "dlvgen: service site: ") {
		t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
	}
	if r := call(t, "compose", "--addr", bk.Addr, "--image", "app=x", "app"); r.code != cli.ExitFailure || !strings.Contains(r.stderr, "service app: it is built, and --image is for services that are not: leave it out") {
		t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
	}
	if r := call(t, "compose", "--addr", bk.Addr, "--env-file", "none", "app"); r.code != cli.ExitFailure {
		t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
	}
}

func TestAFolderWithoutAComposeFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if r := call(t, "compose"); r.code != cli.ExitFailure || r.stderr != "dlvgen: no compose file in this folder or above it: name one with -f, or add one of compose.yaml, compose.yml, docker-compose.yml, docker-compose.yaml\n" {
		t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
	}
}
