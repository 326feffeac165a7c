package eject

import (
	"debug/buildinfo"
	"encoding/json"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/dlvgen/dlvgen/variants/delve"
	"github.com/google/go-cmp/cmp"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/mod/modfile"
	"golang.org/x/tools/txtar"
)

// TestStandaloneDockerfiles compares what is made of Dockerfiles with testdata. `go test
// -update` writes that.
func TestStandaloneDockerfiles(t *testing.T) {
	for name, c := range map[string]struct {
		variant, target string
		edit            func(*Input)
		command         variants.Command
	}{
		"plain": {variant: "remote", edit: func(in *Input) {
			in.Production.Config.Entrypoint, in.Production.Config.Cmd = []string{"/server", "--first"}, []string{"--second", "$c"}
			words := slices.Index(in.Plan.Command, "--")
			in.Plan.Program.Args = []string{"--first", "--second", "$c"}
			in.Plan.Command = append(in.Plan.Command[:words+1:words+1], in.Plan.Program.Args...)
		}},
		"command": {variant: "remote-src", target: "server", command: variants.Command{Prefix: []string{"tini", "--"}}, edit: func(in *Input) {
			in.Production.Config.Entrypoint = []string{"tini", "--"}
			in.Plan.Program.GoVersion, in.Plan.Delve = "go1.20.1", "1.22.1"
		}},
		"attach": {variant: "attach"},
		"odd":    {variant: "remote"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "standalone", name+".txtar")
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			in := inputOf(t, archive.Files[0].Data, asked(c.variant), c.command)
			in.Target, in.Tools = c.target, ""
			var calls [][]string
			if err := json.Unmarshal(archive.Files[1].Data, &calls); err != nil {
				t.Fatal(err)
			}
			compiledBy(&in, calls...)
			if c.edit != nil {
				c.edit(&in)
			}
			got, err := Standalone(in)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				archive.Files = append(archive.Files[:2], txtar.File{Name: "ejected", Data: got})
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[2].Data), string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// compiledBy has the first step that compiles run these calls.
func compiledBy(in *Input, calls ...[]string) {
	for _, args := range calls {
		in.Captures[0].Calls = append(in.Captures[0].Calls, GoCall{Args: args})
	}
}

func TestWhatAStandaloneDockerfileCannotDo(t *testing.T) {
	const from = "FROM golang AS build\n"
	const to = "\nFROM scratch\nCOPY --from=build /server /server\n"
	call := []string{"build", "-o", "/server", "."}
	for want, c := range map[string]struct {
		run    string
		args   []string
		change func(*Input)
	}{
		"line 2: /server is compiled by `go build -o /server .`, which --standalone cannot change: the RUN instruction does not show it": {
			run: "RUN make # go build", args: call,
		},
		"the linker's flags come from a variable": {run: "RUN go build $FLAGS -o /server .", args: []string{"build", "-ldflags=-s", "-o", "/server", "."}},
		"line 2: `objcopy --only-keep-debug /server /d` writes another program": {
			run: "RUN go build -o /server . && objcopy --only-keep-debug /server /d", args: call,
		},
		"does not lead straight to /server": {
			run: "RUN go build -o /server .", args: call, change: func(in *Input) { in.Plan.Request.Entry = variants.EntryInplace },
		},
		"which is no RUN instruction": {run: "RUN go build -o /server .", args: call, change: func(in *Input) {
			in.Source.Locations[string(in.Steps[0].Digest)].Locations[0].Ranges[0].Start.Line = 1
		}},
		"symbols of one production binary": {run: "RUN go build -o /server .", args: call, change: func(in *Input) {
			in.Plan.Request.Variant.Kind = variants.KindSidecar
		}},
	} {
		in := inputOf(t, []byte(from+c.run+to), asked("remote"), variants.Command{})
		compiledBy(&in, c.args)
		if c.change != nil {
			c.change(&in)
		}
		if text, err := Standalone(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q\n%s", c.run, err, want, text)
		}
	}
}

// TestWhatIsLostIsRead: the command says it on stderr.
func TestWhatIsLostIsRead(t *testing.T) {
	in := inputOf(t, []byte("FROM golang\nRUN go build -o /server .\n"), asked("remote-src"), variants.Command{})
	compiledBy(&in, []string{"build", "-o", "/server", "."})
	text, err := Standalone(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"exit code", "the sources in the image", "DLVGEN_START", "labels"} {
		if !slices.ContainsFunc(Lost(text), func(lost string) bool { return strings.Contains(lost, part) }) {
			t.Errorf("nothing is said of %s:\n%s", part, text)
		}
	}
}

// TestTheCommandThatCompilesDelve runs it for this platform and another one: each leaves a
// static program. Delve comes from the go command's cache where the tools have been made.
func TestTheCommandThatCompilesDelve(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		dir := t.TempDir()
		command := delveCommand(ocispecs.Platform{OS: "linux", Architecture: arch}, delve.Newest)
		command = strings.NewReplacer("/dlvgen", dir+"/go", " /dlv ", " "+dir+"/dlv ").Replace(command)
		cmd := exec.CommandContext(proctest.Context(t), "sh", "-c", command)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOMODCACHE="+setting(t, "GOMODCACHE"))
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", command, err, said)
		}
		info, err := buildinfo.ReadFile(filepath.Join(dir, "dlv"))
		if err != nil {
			t.Fatal(err)
		}
		is := map[string]string{"version": info.Main.Version}
		for _, s := range info.Settings {
			is[s.Key] = s.Value
		}
		if is["version"] != "v"+delve.Newest || is["GOARCH"] != arch || is["CGO_ENABLED"] != "0" {
			t.Errorf("%s makes %v", command, is)
		}
	}
}

// TestTheGoThatCompilesDelve reads the go.mod of each version, which says it.
func TestTheGoThatCompilesDelve(t *testing.T) {
	for _, v := range delve.Versions() {
		cmd := exec.CommandContext(proctest.Context(t), "go", "mod", "download", "-json", "github.com/go-delve/delve@v"+v)
		cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "GOFLAGS=", "GOWORK=off")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("Delve %s: %v: %s", v, err, out)
		}
		var module struct{ GoMod string }
		if err := json.Unmarshal(out, &module); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(module.GoMod)
		if err != nil {
			t.Fatal(err)
		}
		file, err := modfile.ParseLax(module.GoMod, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		if needs := version.Lang("go" + file.Go.Version); needs != delve.CompiledBy(v) {
			t.Errorf("Delve %s is compiled by %s, and its go.mod says %s", v, delve.CompiledBy(v), needs)
		}
	}
}

// setting is one of the go command's.
func setting(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(proctest.Context(t), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
