package connect_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dlvgen/dlvgen/internal/cli/connect"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/go-delve/delve/pkg/config"
	"github.com/go-delve/delve/pkg/terminal"
	"github.com/google/go-cmp/cmp"
)

// said is what an image's labels and the user's machine say.
type said struct{ listen, path, module, local, name, container string }

// strangers are what nobody writes who means well, and what is merely unusual.
var strangers = []said{
	{":8000", "/src", "example.com/hello", "/home/me/my app", "app:v1-debug", "app"},
	{":8000", "/x\nEOF\ntouch pwned #", "example.com/hello", "/home/me", "app", "app"},
	{"$(touch pwned):8000", "/src", "example.com/hello", "/home/me", "app", "app"},
	{"h\ntouch pwned\n:8000", "/src", "example.com/hello", "/home/me", "app", "app"},
	{"[::1%$(touch pwned)]:8000", "/src", "example.com/hello", "/home/me", "app", "app"},
	{"0.0.0.0:4000", "/src", "m\nEOF\ntouch pwned", "/home/me", "app", ""},
	{":8000", "/x\" \"/y\nexit", "example.com/hello", `/home/"me"\`, "app", ""},
	{":8000", "/${command:x}", "example.com/hello", "/home/${env:HOME}", "app", ""},
	{":8000", "/$(touch pwned)`touch pwned`", "example.com/hello", "/it's !!", "it's!", "it's `x`"},
	{":8000", "/src", "example.com/hello", "/home/me\nEOF\ntouch pwned", "app;touch pwned", "--x=$(touch pwned)"},
	{":8000", "/\u202e\u009b\x1b[2J", "example.com/hello", "/日本/\u00a0x", "app", "a=~/b"},
	{":8000", "-clear", "example.com/hello", "-clear", "", ""},
	{":8000", `/a\]]--"`, "example.com/hello", `/a\`, "--x", "==a"},
}

// FuzzConnect has real shells run what is printed, and decoders read it: what comes out
// are the words that went in.
func FuzzConnect(f *testing.F) {
	for _, s := range strangers {
		for kind := range 3 {
			f.Add(kind, s.listen, s.path, s.module, s.local, s.name, s.container)
		}
	}
	run := newShells(f)
	f.Fuzz(func(t *testing.T, kind int, listen, path, module, local, name, container string) {
		kinds := []variants.Kind{variants.KindRemote, variants.KindAttach, variants.KindSidecar}
		paths, err := json.Marshal([]variants.PathRule{{Path: path, Kind: variants.PathModule, Module: module}})
		if err != nil {
			t.Fatal(err)
		}
		image, err := connect.ReadImage("app:v1", map[string]string{
			variants.LabelVersion: "1.0.0", variants.LabelVariant: "remote", variants.LabelKind: string(kinds[uint(kind)%3]),
			variants.LabelListen: listen, variants.LabelModule: module, variants.LabelPaths: string(paths),
		})
		if err != nil {
			if !visible.Text(err.Error()) {
				t.Errorf("the error acts on a terminal: %q", err)
			}
			return
		}
		target := connect.Target{
			Image: image, Name: name, Container: container, PID: 1, Host: "127.0.0.1", Port: 8000,
			Mappings: image.Mappings(connect.Local{Module: local}),
		}
		if image.Kind == variants.KindSidecar {
			target.Container, target.Beside = "", container
		}
		checkCommands(t, run, target)
		checkEditors(t, target)
	})
}

// checkCommands has shells run Delve's command lines and the one that serves.
func checkCommands(t *testing.T, run shells, target connect.Target) {
	t.Helper()
	if serve := target.Serve(); len(serve) > 0 {
		if line, err := connect.CommandLine(serve); err == nil {
			run.check(t, line, called{words: serve})
		}
	}
	text, err := target.Delve()
	if err != nil {
		return
	}
	rules, err := target.Init()
	if err != nil {
		t.Fatalf("Delve's command line has settings that cannot be made: %v", err)
	}
	client := called{words: target.Command()}
	if len(rules) > 0 {
		client.words, client.settings = append(client.words, "--init", "/dev/fd/3"), strings.Join(rules, "\n")+"\n"
	}
	want := []called{client}
	if target.Kind == variants.KindSidecar {
		beside := target.Beside
		if beside == "" {
			beside = "CONTAINER"
		}
		prompt := []string{"docker", "run", "--rm", "-ti", "--pid", "container:" + beside, "--cap-add", "SYS_PTRACE", target.Name}
		pod := []string{"kubectl", "debug", "-ti", "POD", "--target=" + beside, "--profile=general", "--image=" + target.Name}
		want = []called{{words: prompt}, {words: target.Serve()}, client, {words: pod}}
	}
	run.check(t, text, want...)
	if target.Kind != variants.KindAttach {
		checkRules(t, target.Mappings, rules)
	}
}

// checkRules has Delve's client read its settings.
func checkRules(t *testing.T, mappings []connect.Mapping, rules []string) {
	t.Helper()
	var want config.SubstitutePathRules
	for _, m := range mappings {
		want = append(want, config.SubstitutePathRule{From: m.From, To: m.To})
	}
	var conf config.Config
	term := terminal.New(nil, &conf, false)
	defer term.Close()
	commands := terminal.DebugCommands(nil)
	lines := bufio.NewScanner(strings.NewReader(strings.Join(rules, "\n")))
	for lines.Scan() {
		if err := commands.Call(strings.TrimSpace(lines.Text()), term); err != nil {
			t.Errorf("%s: %v", lines.Text(), err)
		}
	}
	if diff := cmp.Diff(want, conf.SubstitutePath); diff != "" || lines.Err() != nil {
		t.Errorf("Delve's rules: %v (-want +got):\n%s", lines.Err(), diff)
	}
}

// checkEditors reads the configurations as their editors do.
func checkEditors(t *testing.T, target connect.Target) {
	t.Helper()
	var want []any
	for _, m := range target.Mappings {
		if !utf8.ValidString(m.To) {
			return // JSON has no such strings
		}
		want = append(want, map[string]any{"from": m.To, "to": m.From})
	}
	if text, err := target.VSCode(); err == nil {
		var got struct{ Configurations []map[string]any }
		if err := json.Unmarshal([]byte(text), &got); err != nil || len(got.Configurations) != 1 {
			t.Fatalf("launch.json: %v in\n%s", err, text)
		}
		if diff := cmp.Diff(want, got.Configurations[0]["substitutePath"]); diff != "" || strings.Contains(text, "${") {
			t.Errorf("launch.json (-want +got):\n%s\n%s", diff, text)
		}
	}
	if text, err := target.Neovim(); err == nil {
		if diff := cmp.Diff(want, neovim(t, text)["substitutePath"]); diff != "" || strings.Contains(text, "${") {
			t.Errorf("Lua (-want +got):\n%s\n%s", diff, text)
		}
		if visible.Lines(text) != text {
			t.Errorf("the Lua acts on a terminal: %q", text)
		}
	}
}

// called is one call of a program.
type called struct {
	words    []string
	settings string // what it could read from descriptor 3
}

// shells run texts with programs in PATH that record how they were called.
type shells struct{ programs string }

func newShells(tb testing.TB) shells {
	tb.Helper()
	s := shells{programs: tb.TempDir()}
	for _, name := range []string{"dlv", "docker", "kubectl"} {
		const program = `#!/bin/sh
{
	printf '%s\0' "$#" "${0##*/}" "$@"
	case " $* " in *' --init /dev/fd/3 '*) cat <&3 ;; esac
	printf '\0'
} >>"$RECORD"
`
		if err := os.WriteFile(filepath.Join(s.programs, name), []byte(program), 0o700); err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

// check has each shell of this machine run a text in a folder of its own: the programs
// are called as wanted, nothing is printed, and no file appears.
func (s shells) check(t *testing.T, text string, want ...called) {
	t.Helper()
	for _, shell := range []string{"sh", "bash", "zsh"} {
		proctest.RequirePrograms(t, shell)
		program, err := exec.LookPath(shell)
		if err != nil {
			t.Fatal(err)
		}
		got, out, left := s.run(t, program, text)
		if len(left) > 0 || out != "" {
			t.Errorf("%s: %v appeared, and it printed %q, from\n%s", shell, left, out, text)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(called{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s\nof\n%s", shell, diff, text)
		}
	}
}

func (s shells) run(t *testing.T, shell, text string) (calls []called, out string, left []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	scratch, record := t.TempDir(), filepath.Join(t.TempDir(), "record")
	cmd := exec.CommandContext(ctx, shell, "-c", text)
	cmd.Dir, cmd.Env = scratch, s.environ(scratch, record)
	printed, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v: %s\nof\n%q", shell, err, printed, text)
	}
	entries, err := os.ReadDir(scratch)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		left = append(left, e.Name())
	}
	return recorded(t, record), string(printed), left
}

func (s shells) environ(home, record string) []string {
	return []string{"PATH=" + s.programs + ":/usr/bin:/bin", "RECORD=" + record, "HOME=" + home, "TERM=dumb"}
}

// recorded are the calls that the programs wrote to a file.
func recorded(t *testing.T, file string) (calls []called) {
	t.Helper()
	record, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("no program was called: %v", err)
	}
	for rest := string(record); rest != ""; {
		fields := strings.Split(rest, "\x00")
		n, err := strconv.Atoi(fields[0])
		if err != nil || len(fields) < n+3 {
			t.Fatalf("the record is %q", record)
		}
		calls = append(calls, called{words: fields[1 : n+2], settings: fields[n+2]})
		rest = strings.Join(fields[n+3:], "\x00")
	}
	return calls
}
