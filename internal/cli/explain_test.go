//go:build !race

// BuildKit resolves several base images at once, and writes one field from each
// (frontend/dockerfile/builder/resolvecache.go:30, v0.34.2).

package cli_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/moby/buildkit/client"
)

// explain runs `dlvgen explain`.
func explain(t *testing.T, bk *testenv.BuildKit, args ...string) ran {
	t.Helper()
	args = append([]string{"explain", "--addr", bk.Addr, "--progress", "plain"}, args...)
	var stdout, stderr bytes.Buffer
	code := cli.Run(proctest.Context(t), args, strings.NewReader(""), &stdout, &stderr)
	return ran{code, stdout.String(), stderr.String()}
}

// mustExplain is explain where there can be a debug image; it returns stdout.
func mustExplain(t *testing.T, args ...string) string {
	t.Helper()
	r := explain(t, testenv.SharedBuildKit(t), args...)
	if r.code != cli.ExitOK {
		t.Fatalf("dlvgen explain %q: exit code %d\n%s%s", args, r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

const helloPage = `image    remote, linux/amd64: can be derived
starts   ENTRYPOINT ["/server"]
program  /server
made by  [build 6/6] RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /server .
go       GO
delve    1.27.2
entry    cmd: the image's command starts the program under Delve

steps that compile with the stand-in for go
  line 6: [build 6/6] RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /server .
    it runs go build

steps that come from production's cache
  line 4: [build 4/6] RUN go mod download

layers
  /dlv           Delve 1.27.2
  /.dlvgen/init  init
  /.dlvgen       plan and Delve's settings
`

func TestExplainPrintsAPage(t *testing.T) {
	needBuildKit(t)
	got := mustExplain(t, "--platform", "linux/amd64", testenv.Service(t, "hello"))
	if want := strings.ReplaceAll(helloPage, "GO\n", goVersion(t)+"\n"); got != want {
		t.Errorf("the page is\n%s\nwant\n%s", got, want)
	}
}

// goVersion is that of the golang image.
func goVersion(t *testing.T) string {
	t.Helper()
	img, err := testenv.SharedRegistry(t).Image(proctest.Context(t), "library/golang:1.26")
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range config.Config.Env {
		if version, ok := strings.CutPrefix(e, "GOLANG_VERSION="); ok {
			return "go" + version
		}
	}
	t.Fatal("the golang image names no version")
	return ""
}

func TestExplainRunsNoStepAndFetchesNoImage(t *testing.T) {
	needBuildKit(t)
	bk := testenv.EmptyBuildKit(t)
	for _, service := range []string{"hello", "makefile", "script", "nogo"} {
		r := explain(t, bk, "--variant", "all", testenv.Service(t, service))
		if want := map[bool]int{true: cli.ExitFailure, false: cli.ExitOK}[service == "nogo"]; r.code != want {
			t.Errorf("%s: exit code %d, want %d\n%s", service, r.code, want, r.stderr)
		}
		if strings.Contains(r.stderr, "RUN ") {
			t.Errorf("%s: a step ran:\n%s", service, r.stderr)
		}
	}
	c, err := bk.Client(proctest.Context(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	kept, err := c.DiskUsage(proctest.Context(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kept {
		// BuildKit gives a record its type a moment after it has made it.
		local := k.RecordType == client.UsageRecordTypeLocalSource || strings.HasPrefix(k.Description, "local source for ")
		if !local && k.RecordType != client.UsageRecordTypeInternal {
			t.Errorf("the builder has made %s: %s, %d bytes", k.RecordType, k.Description, k.Size)
		}
	}
}

// record is an element of --format json, as far as the tests look at it.
type record struct {
	Platform, Variant, Program, Go, Delve, Refusal, LLB string

	Steps []struct {
		Name, Treatment string
		Line            int
	}
}

func TestExplainAsJSONHasAnElementForEachVariantAndPlatform(t *testing.T) {
	needBuildKit(t)
	out := mustExplain(t, "--variant", "remote,sidecar", "--platform", "linux/amd64,linux/arm64", "--format", "json", "--print-llb", testenv.Service(t, "hello"))
	var records []record
	if err := json.Unmarshal([]byte(out), &records); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var images []string
	for _, r := range records {
		images = append(images, r.Variant+" "+r.Platform)
		if r.Program != "/server" || r.Delve != "1.27.2" || r.Go != goVersion(t) || r.Refusal != "" {
			t.Errorf("%s on %s: %+v", r.Variant, r.Platform, r)
		}
		if len(r.Steps) != 2 || r.Steps[0].Treatment != "cached" || r.Steps[1].Treatment != "instrumented" || r.Steps[1].Line != 6 {
			t.Errorf("%s on %s: the steps are %+v", r.Variant, r.Platform, r.Steps)
		}
		if !strings.HasPrefix(r.LLB, "production:\n#1 ") {
			t.Errorf("%s on %s: the trees are %q", r.Variant, r.Platform, r.LLB)
		}
	}
	if want := []string{"remote linux/amd64", "remote linux/arm64", "sidecar linux/amd64", "sidecar linux/arm64"}; !slices.Equal(images, want) {
		t.Errorf("the images are %q, want %q", images, want)
	}
}

// TestExplainDraws has one document of each format for all variants, also for a refused one.
func TestExplainDraws(t *testing.T) {
	needBuildKit(t)
	args := []string{"--variant", "remote,sidecar", "--platform", "linux/amd64", testenv.Service(t, "hello")}
	svg := mustExplain(t, append([]string{"--format", "svg"}, args...)...)
	var document struct {
		XMLName xml.Name
		Title   string `xml:"title"`
	}
	if err := xml.Unmarshal([]byte(svg), &document); err != nil || document.XMLName.Local != "svg" {
		t.Errorf("%v: %s", err, svg)
	}
	if want := "What dlvgen builds: remote, linux/amd64: can be derived; sidecar, linux/amd64: can be derived"; document.Title != want {
		t.Errorf("the title is %q, want %q", document.Title, want)
	}
	dot := mustExplain(t, append([]string{"--format", "dot"}, args...)...)
	if strings.Count(dot, "digraph ") != 2 || !strings.Contains(dot, "with the stand-in for go: it runs go build") {
		t.Errorf("the graphs are\n%s", dot)
	}
	for _, format := range []string{"svg", "dot"} {
		r := explain(t, testenv.SharedBuildKit(t), "--format", format, testenv.Service(t, "nogo"))
		if r.code != cli.ExitFailure || !strings.Contains(r.stdout, "refused") || !strings.Contains(r.stderr, "no step of the Dockerfile compiles Go") {
			t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	}
}

func TestExplainPrintsTheTreesBeforeAndAfter(t *testing.T) {
	needBuildKit(t)
	out := mustExplain(t, "--print-llb", testenv.Service(t, "hello"))
	page, trees, ok := strings.Cut(out, "\nproduction:\n")
	before, after, both := strings.Cut(trees, "\ninstrumented:\n")
	if !ok || !both || !strings.HasPrefix(page, "image    remote") {
		t.Fatalf("stdout is\n%s", out)
	}
	const mount = "mount bind /.dlvgen/bin from"
	if strings.Contains(before, mount) || strings.Count(after, mount) != 1 {
		t.Errorf("the stand-in is not in the tree after alone:\n%s", trees)
	}
}

func TestExplainEndsWithTheRefusal(t *testing.T) {
	needBuildKit(t)
	for _, test := range []struct {
		name string
		args []string
		want string // the refusal's beginning
	}{
		{"no Go", []string{testenv.Service(t, "nogo")}, "no step of the Dockerfile compiles Go, and httpd, which the image starts (CMD), comes from docker.io/library/alpine:3@sha256:"},
		{"missing in the context", []string{testenv.Service(t, "prebuilt")}, "/server is copied from the build context, /bin/server, which does not exist"},
		{"the port is taken", []string{"--listen", ":12345", testenv.Service(t, "hello")}, "the image has EXPOSE 12345/tcp, and the debugger would listen there"},
		{"one of two", []string{"--variant", "remote,attach", "--listen", ":12345", testenv.Service(t, "hello")}, "the image has EXPOSE 12345/tcp, and the debugger would listen there"},
	} {
		r := explain(t, testenv.SharedBuildKit(t), test.args...)
		lines := strings.Split(strings.TrimSpace(r.stderr), "\n")
		last := lines[len(lines)-1]
		if r.code != cli.ExitFailure || !strings.HasPrefix(last, "dlvgen: "+test.want) {
			t.Errorf("%s: exit code %d, stderr\n%s", test.name, r.code, r.stderr)
		}
		if !strings.HasPrefix(r.stdout, "image    remote, linux/") || !strings.Contains(r.stdout, ": refused\n") || !strings.Contains(r.stdout, "\nrefused: "+test.want) {
			t.Errorf("%s: stdout\n%s", test.name, r.stdout)
		}
	}
}

func TestLintWarningsNameTheirLineOnce(t *testing.T) {
	needBuildKit(t)
	dir := testenv.Service(t, "hello")
	writeDockerfile(t, dir, "FROM golang:1.26 as build\nWORKDIR /src\nCOPY . .\nRUN CGO_ENABLED=0 go build -o /server .\n"+
		"FROM scratch\nCOPY --from=build /server /server\nENTRYPOINT [\"/server\"]\n")
	r := explain(t, testenv.SharedBuildKit(t), dir)
	if want := "dlvgen: warning: FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)\n"; r.code != cli.ExitOK || !strings.Contains(r.stderr, want) {
		t.Errorf("exit code %d, stderr lacks %q:\n%s", r.code, want, r.stderr)
	}
}

func TestNamesInADockerfileDoNotActOnTheTerminal(t *testing.T) {
	needBuildKit(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	writeDockerfile(t, dir, "FROM scratch\nCOPY x /\nENTRYPOINT [\"/x\\u001b[2J\\u009b\\u202e\\nrefused: nothing\"]\n")
	for _, format := range []string{"text", "json"} {
		r := explain(t, testenv.SharedBuildKit(t), "--format", format, dir)
		if r.code != cli.ExitFailure || strings.ContainsAny(r.stdout+r.stderr, "\x1b\u009b\u202e") || strings.Contains(r.stdout+r.stderr, "\nrefused: nothing") {
			t.Errorf("exit code %d, stdout %q, stderr %q", r.code, r.stdout, r.stderr)
		}
	}
}

func TestUnreadableDockerfileHasNoPage(t *testing.T) {
	needBuildKit(t)
	dir := t.TempDir()
	writeDockerfile(t, dir, "FROM scratch\nFRUM scratch\n")
	r := explain(t, testenv.SharedBuildKit(t), dir)
	if r.code != cli.ExitFailure || r.stdout != "" || !strings.Contains(r.stderr, "unknown instruction: FRUM") {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

const strippedDockerfile = `FROM golang:1.26 AS build
WORKDIR /src
COPY . .
ENV GOFLAGS=-trimpath
RUN CGO_ENABLED=0 go build -ldflags="-s -w -X main.a=b" -o /server .
RUN head -c 4096 /server >/short && mv /short /server && chmod +x /server
FROM alpine:3
COPY --from=build /server /server
ENTRYPOINT ["/server"]
`

const strippedPage = `starts   ENTRYPOINT ["/server"]
program  /server
made by  [build 4/5] RUN CGO_ENABLED=0 go build -ldflags="-s -w -X main.a=b" -o /server .
go       GO

steps that compile with the stand-in for go
  line 5: [build 4/5] RUN CGO_ENABLED=0 go build -ldflags="-s -w -X main.a=b" -o /server .
    it runs go build

steps that run again, because they start from other files
  line 6: [build 5/5] RUN head -c 4096 /server >/short && mv /short /server && chmod +x /server

what these steps compiled
  [build 4/5] RUN CGO_ENABLED=0 go build -ldflags="-s -w -X main.a=b" -o /server .
    /server in /src by GO
      called:  GOFLAGS=-trimpath go build '-ldflags=-s -w -X main.a=<sha256:61cd7b>' -o /server .
      ran:     go build '-gcflags=all=-N -l' `

// What the build showed stands below the refusal: the calls, as given and as run.
func TestRefusedBuildIsExplained(t *testing.T) {
	needBuildKit(t)
	dir := testenv.Service(t, "hello")
	writeDockerfile(t, dir, strippedDockerfile)
	for _, variants := range []string{"remote", "remote,attach"} {
		r := dlvgen(t, "--variant", variants, dir)
		_, text, ok := strings.Cut(r.stderr, "\ndlvgen: /server, which the image starts (ENTRYPOINT), cannot be debugged: ")
		if r.code != cli.ExitFailure || !ok {
			t.Fatalf("%s: exit code %d\n%s", variants, r.code, r.stderr)
		}
		_, page, _ := strings.Cut(text, ": refused\n")
		want := strings.ReplaceAll(strippedPage, "GO\n", goVersion(t)+"\n")
		if ran, ok := strings.CutPrefix(page, want); !ok || !strings.Contains(ran, "-X main.a=<sha256:61cd7b>") || strings.Contains(ran, "-s -w") {
			t.Errorf("%s: the page is\n%s\nwant\n%s", variants, page, want)
		}
	}
}

// The step's own output says what is wrong.
func TestFailedStepIsNotExplained(t *testing.T) {
	needBuildKit(t)
	dir := testenv.Service(t, "hello")
	writeDockerfile(t, dir, "FROM golang:1.26 AS build\nWORKDIR /src\nCOPY . .\nRUN CGO_ENABLED=0 go build -o /server .\n"+
		"FROM alpine:3\nCOPY --from=build /server /server\nRUN exit 7\nENTRYPOINT [\"/server\"]\n")
	r := dlvgen(t, dir)
	if r.code != cli.ExitFailure || !strings.Contains(r.stderr, "exit code: 7") || strings.Contains(r.stderr, ": refused\n") {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
}

func writeDockerfile(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestExplainNamesDelvesFlags(t *testing.T) {
	needBuildKit(t)
	if got := mustExplain(t, "--delve-arg=--log", testenv.Service(t, "hello")); !strings.Contains(got, "\ndelve    1.27.2 --log\n") {
		t.Errorf("the page is\n%s", got)
	}
}
