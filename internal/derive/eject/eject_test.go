package eject

import (
	"bytes"
	"flag"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/moby/buildkit/solver/pb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the ejected Dockerfiles in testdata")

var amd64 = ocispecs.Platform{OS: "linux", Architecture: "amd64"}

// inputOf is a derivation of a Dockerfile whose RUN instructions with "go build" compile.
func inputOf(t *testing.T, dockerfile []byte, r variants.Request, c variants.Command) Input {
	t.Helper()
	parsed, err := parser.Parse(bytes.NewReader(dockerfile))
	if err != nil {
		t.Fatal(err)
	}
	in := Input{
		Source:   &pb.Source{Infos: []*pb.SourceInfo{{Data: dockerfile}}, Locations: map[string]*pb.Locations{}},
		Platform: amd64, Tools: "dlvgen/dlvgen:1@sha256:1234", PlanJSON: []byte("{\n}\n"),
	}
	for _, n := range parsed.AST.Children {
		if !strings.EqualFold(n.Value, "run") || !strings.Contains(n.Original+heredocs(n), "go build") {
			continue
		}
		s := &llbgen.Step{Digest: digest.FromString(n.Original), Name: n.Original, Platform: amd64, Env: []string{`PATH=/usr/local/go/bin:/bin:/a"b`}, Mounts: mounts()}
		in.Steps = append(in.Steps, s)
		in.Captures = []Capture{{Step: s, Users: []string{"/capture/0"}}}
		at := []*pb.Range{{Start: &pb.Position{Line: int32(n.StartLine)}, End: &pb.Position{Line: int32(n.EndLine)}}}
		in.Source.Locations[string(s.Digest)] = &pb.Locations{Locations: []*pb.Location{{Ranges: at}}}
	}
	in.Production = &dockerspec.DockerOCIImage{}
	in.Production.Platform = amd64
	in.Production.Config.Cmd = []string{"/server", `a "b" $c`}
	if r, err = r.Complete(); err != nil {
		t.Fatal(err)
	}
	in.Plan, err = variants.New(variants.Input{
		Request: r, Platform: "linux/amd64", Config: in.Production, Version: "test", Command: c,
		Program: variants.Program{Path: "/server", File: "/server", Mode: 0o750, UID: 7, GID: 8, GoVersion: "go1.26", Args: in.Production.Config.Cmd[1:]},
		Folders: []variants.Folder{{Path: "/tmp", Mode: 0o1777}},
	})
	if err != nil {
		t.Fatal(err)
	}
	in.Plan.Config.Config.Labels = map[string]string{"io.github.dlvgen.args": `a "b" $c \`}
	return in
}

func heredocs(n *parser.Node) (text string) {
	for _, h := range n.Heredocs {
		text += h.Content
	}
	return text
}

// mounts are some of those that a step is given.
func mounts() []llbgen.Mount {
	const program = "/usr/local/go/bin/go"
	return []llbgen.Mount{
		{Dest: layout.Bin, Name: "tools", InPath: true, Files: []variants.Item{{From: variants.FromTools, Name: layout.ToolBin}}},
		{Dest: layout.Real + program, Title: "take " + program + " aside", Files: []variants.Item{{Path: "/go", From: llbgen.FromStep, Name: program}}},
		{Dest: layout.GoCache, ID: "ns/dlvgen-go-build-linux_amd64", Files: []variants.Item{{Path: "/dlvgen-go-build", Mode: 0o777}}},
		{Dest: layout.Capture, Output: true, Name: "/capture[]", Files: []variants.Item{{Path: "/capture", Mode: 0o777}, {Path: "/capture/from.json", Mode: 0o444, Content: []byte("[]")}}},
	}
}

func asked(variant string) variants.Request {
	return variants.Request{Variant: variants.Variant{Name: variant}}
}

// TestDockerfiles compares what is made of Dockerfiles with testdata. `go test -update`
// writes that.
func TestDockerfiles(t *testing.T) {
	for name, c := range map[string]struct {
		variant, target string
		command         variants.Command
	}{
		"numbers": {variant: "remote"},
		"escape":  {variant: "remote-src"},
		"target":  {variant: "remote", target: "server", command: variants.Command{Detour: "the script /start"}},
		"shipped": {variant: "attach"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".txtar")
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			in := inputOf(t, archive.Files[0].Data, asked(c.variant), c.command)
			in.Target = c.target
			got, err := Dockerfile(in)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				archive.Files = append(archive.Files[:1], txtar.File{Name: "ejected", Data: got})
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestNumbersLeadToTheStagesThatTheyDid reads the result of every file: what a number named
// is the stage that had it.
func TestNumbersLeadToTheStagesThatTheyDid(t *testing.T) {
	const dockerfile = `FROM golang
RUN go build -o /a .
FROM alpine
RUN apk add something
RUN go build -o /b .
FROM scratch
COPY --from=0 /a /
COPY --chown=1 --from=1 /b /
`
	text, err := Dockerfile(inputOf(t, []byte(dockerfile), asked("remote"), variants.Command{}))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, c := range stages[len(stages)-1].Commands {
		is, ok := c.(*instructions.CopyCommand)
		if !ok || len(is.SourcePaths) != 1 || is.SourcePaths[0] != "/a" && is.SourcePaths[0] != "/b" {
			continue
		}
		found++
		i, err := strconv.Atoi(is.From)
		if err != nil || i >= len(stages) {
			t.Fatalf("%s names no stage of\n%s", is, text)
		}
		runs := stages[i].Commands[len(stages[i].Commands)-2]
		if run, ok := runs.(*instructions.RunCommand); !ok || !strings.Contains(run.String(), "-o "+is.SourcePaths[0]) {
			t.Errorf("%s is of a stage whose step is %v:\n%s", is, runs, text)
		}
	}
	if found != 2 {
		t.Errorf("%d of the copies are there:\n%s", found, text)
	}
}

func TestASyntaxLineOfDlvgensIsBuildKitsThen(t *testing.T) {
	const dockerfile = "FROM golang AS build\nRUN go build -o /server .\nFROM scratch\nCOPY --from=build /server /server\n"
	for line, want := range map[string]string{
		"# syntax=reg.example/mirror/dlvgen:1 --variant=remote": "# syntax=docker/dockerfile:1",
		"# syntax=docker/dockerfile:1.7-labs":                   "# syntax=docker/dockerfile:1.7-labs",
	} {
		text, err := Dockerfile(inputOf(t, []byte(line+"\n"+dockerfile), asked("remote"), variants.Command{}))
		if first, _, _ := strings.Cut(string(text), "\n"); first != want || err != nil {
			t.Errorf("%s: the first line is %q, %v, want %q", line, first, err, want)
		}
	}
}

// TestAMadeDockerfileIsKnown has every kind of lines that may stand at the top of one.
func TestAMadeDockerfileIsKnown(t *testing.T) {
	const dockerfile = "FROM golang AS build\nRUN go build -o /server .\nFROM scratch\nCOPY --from=build /server /server\n"
	for _, top := range []string{
		"", "# A comment.\n", "# syntax=docker/dockerfile:1\n# escape=\\\n\n# check=skip=all\n", "#syntax=docker/dockerfile:1\r\n",
		"#!/usr/bin/env docker\n# syntax=docker/dockerfile:1\n", "\xEF\xBB\xBF# syntax=docker/dockerfile:1\n", "\n\nARG A=1\n",
	} {
		production := []byte(top + dockerfile)
		if Own(production) {
			t.Errorf("%q is one of dlvgen's", production)
		}
		in := inputOf(t, production, asked("remote"), variants.Command{})
		text, err := Dockerfile(in)
		if err != nil || !Own(text) || bytes.Contains(text, []byte("\r")) || bytes.Contains(text, []byte("\xEF")) {
			t.Errorf("%q is not known, %v:\n%s", top, err, text)
		}
		was, _, _, _ := parser.DetectSyntax(production)
		if is, _, _, _ := parser.DetectSyntax(text); is != was {
			t.Errorf("%q: the syntax is %q, want %q:\n%s", top, is, was, text)
		}
		in.Source.Infos[0].Data = text
		if _, err := Dockerfile(in); err == nil || !strings.Contains(err.Error(), "was made by dlvgen dockerfile") {
			t.Errorf("%q: made again: %v", top, err)
		}
	}
}

func TestWhatADockerfileCannotSay(t *testing.T) {
	const dockerfile = "FROM golang AS build\nRUN go build -o /server .\nFROM scratch\nCOPY --from=build /server /server\n"
	for want, change := range map[string]func(*Input){
		"symbols of one production binary": func(in *Input) { in.Plan.Request.Variant.Kind = variants.KindSidecar },
		"compiled again by --rebuild":      func(in *Input) { in.Plan.Program.Rebuilt = &variants.Rebuilt{} },
		"trigger of the base image (ONBUILD)": func(in *Input) {
			in.Source.Locations[string(in.Steps[0].Digest)].Locations[0].Ranges[0].Start.Line = 1
		},
		"is not a step of the Dockerfile": func(in *Input) { in.Source.Locations = nil },
		`no stage "other"`:                func(in *Input) { in.Target = "other" },
		"dlvgen has made it already": func(in *Input) {
			in.Source.Infos[0].Data = []byte("FROM scratch AS dlvgen-tools\n" + dockerfile)
		},
		"has a line break":             func(in *Input) { in.Plan.Layers[0].Items[0].Path = "/a\nUSER root" },
		"did not say which Dockerfile": func(in *Input) { in.Source.Infos = nil },
	} {
		in := inputOf(t, []byte(dockerfile), asked("remote"), variants.Command{})
		change(&in)
		if _, err := Dockerfile(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestPathsAreWrittenAsTheyAre has a program whose name an instruction would expand, and reads
// what stands in the Dockerfile.
func TestPathsAreWrittenAsTheyAre(t *testing.T) {
	const program = `/a $b/my [1] "server"*`
	for _, escape := range []string{`\`, "`"} {
		dockerfile := "# escape=" + escape + "\nFROM golang AS build\nRUN go build -o /server .\nFROM scratch AS server\nCOPY --from=build /server /server\n"
		in := inputOf(t, []byte(dockerfile), asked("remote"), variants.Command{Detour: "a script"})
		for l := range in.Plan.Layers {
			for i := range in.Plan.Layers[l].Items {
				item := &in.Plan.Layers[l].Items[i]
				item.Path, item.Name = strings.ReplaceAll(item.Path, "/server", program), strings.ReplaceAll(item.Name, "/server", program)
			}
		}
		text, err := Dockerfile(in)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.Parse(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		stages, _, err := instructions.Parse(parsed.AST, nil)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, c := range stages[len(stages)-1].Commands {
			is, ok := c.(*instructions.CopyCommand)
			if !ok || is.From != "server" {
				continue
			}
			lex := shell.NewLex(rune(escape[0]))
			pattern, _, err := lex.ProcessWord(is.SourcePaths[0], shell.EnvsFromSlice([]string{"b=no"}))
			if err != nil {
				t.Fatal(err)
			}
			if ok, err := path.Match(pattern, program); !ok || err != nil {
				t.Errorf("%s copies %q, which is not %q: %v", is, pattern, program, err)
			}
			if other, _ := path.Match(pattern, strings.Replace(program, "*", "more", 1)); other {
				t.Errorf("%s copies other files too", is)
			}
			found = true
		}
		if !found {
			t.Errorf("nothing is copied from production:\n%s", text)
		}
	}
}

func TestAFolderWithASpaceIsOnePath(t *testing.T) {
	r := &renderer{links: "links", file: &file{escape: `\`}}
	got, err := r.put(variants.Item{Path: "/my app/server", Target: "/launcher"})
	if want := `COPY --from=links ["/my app/","/my app/"]`; err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}
