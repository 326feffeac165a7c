package standin

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/shim/gocall"
	"github.com/dlvgen/dlvgen/internal/shim/shimtest"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

// stripCase is a call of a program that strips, in a folder with the Go program app
// and the C program tool. real is what the real one is called with, "-" where it
// isn't.
type stripCase struct {
	name   string
	args   string
	real   string
	copies []string
}

var stripCases = []stripCase{
	{name: "strip", args: "app", real: "-"},
	{name: "strip", args: "-s --strip-debug ./app", real: "-"},
	{name: "strip", args: "-o out app", real: "-", copies: []string{"out"}},
	{name: "strip", args: "-oout -R .comment app", real: "-", copies: []string{"out"}},
	{name: "strip", args: "--output-file out app", real: "-", copies: []string{"out"}},
	{name: "strip", args: "-s -- app", real: "-"},
	{name: "strip", args: "-p app tool -K main missing", real: "-p tool -K main missing"},
	{name: "strip", args: "tool", real: "tool"},
	{name: "strip", args: "missing", real: "missing"},
	{name: "strip", args: "--version", real: "--version"},
	{name: "strip", args: "", real: ""},
	{name: "strip", args: "--only-keep-debug -o app.debug app", real: "--only-keep-debug -o app.debug app"},
	{name: "strip", args: "--only-keep-debug app", real: "-"},
	{name: "aarch64-linux-gnu-strip", args: "app", real: "-"},
	{name: "llvm-strip-14", args: "app", real: "-"},
	{name: "eu-strip", args: "-f app.debug -o out app", real: "-", copies: []string{"app.debug", "out"}},
	{name: "objcopy", args: "-S app", real: "-"},
	{name: "objcopy", args: "--strip-debug app out", real: "-", copies: []string{"out"}},
	{name: "objcopy", args: "app out", real: "-", copies: []string{"out"}},
	{name: "objcopy", args: "-R .debug_info --remove-section=.symtab app out", real: "-", copies: []string{"out"}},
	{name: "objcopy", args: "-g --add-gnu-debuglink=tool app", real: "--add-gnu-debuglink=tool app"},
	{name: "objcopy", args: "-S -O binary -R .comment app out", real: "-O binary -R .comment app out"},
	{name: "objcopy", args: "--only-keep-debug app app.debug", real: "--only-keep-debug app app.debug"},
	{name: "objcopy", args: "--only-keep-debug app", real: "-"},
	{name: "objcopy", args: "-S tool out", real: "-S tool out"},
	{name: "upx", args: "--best --lzma app", real: "-"},
	{name: "upx", args: "-9 -o out app", real: "-", copies: []string{"out"}},
	{name: "upx", args: "-t app", real: "-"},
	{name: "upx", args: "-q app tool", real: "-q tool"},
	{name: "upx", args: "-V", real: "-V"},
}

func TestGoProgramsStayWholeWhateverStripsThem(t *testing.T) {
	for _, test := range stripCases {
		t.Run(test.name+" "+test.args, func(t *testing.T) {
			dir, app := programs(t)
			code, called, stderr := strip(t, dir, gocall.Debug, test.name, test.args)
			if code != 0 || stderr != "" || called != test.real {
				t.Errorf("exit code %d, %q; the real program was called with %q, want %q", code, stderr, called, test.real)
			}
			for _, file := range append(test.copies, "app") {
				checkWhole(t, filepath.Join(dir, file), app)
			}
		})
	}
}

func checkWhole(t *testing.T, file string, app []byte) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o755 || !bytes.Equal(shimtest.ReadFile(t, file), app) {
		t.Errorf("%s is not the whole program: %v", file, err)
	}
}

func TestProductionsSymbolsAreStrippedAsInProduction(t *testing.T) {
	for _, test := range stripCases {
		dir, _ := programs(t)
		code, called, stderr := strip(t, dir, gocall.Symbols, test.name, test.args)
		if code != 0 || stderr != "" || called != test.args {
			t.Errorf("%s %s: %d, %q; the real program was called with %q", test.name, test.args, code, stderr, called)
		}
	}
}

// A script that asks for a program before it calls it gets the answer yes.
func TestWithoutTheRealProgramGoProgramsAreLeftWhole(t *testing.T) {
	dir, app := programs(t)
	for args, want := range map[string]int{"app": 0, "-o out app": 0, "tool": step.ExitNotFound, "app tool": step.ExitNotFound} {
		r := runStripper(t, dir, nil, "/nowhere", "strip", strings.Fields(args)...)
		if said := map[int]string{0: "", step.ExitNotFound: "strip: not found\n"}[want]; r.Code != want || r.Stderr != said {
			t.Errorf("strip %s: exit code %d, %q", args, r.Code, r.Stderr)
		}
	}
	checkWhole(t, filepath.Join(dir, "out"), app)
}

func TestAnswersForOtherFilesAreTheRealProgramsOwn(t *testing.T) {
	dir, app := programs(t)
	for _, args := range [][]string{{"missing"}, {"--frobnicate"}, {}, {"app", "missing"}} {
		var stderr bytes.Buffer
		real := exec.Command("strip", slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "app" })...)
		real.Dir, real.Stderr = dir, &stderr
		code := step.ExitCode(real.Run())
		r := runStripper(t, dir, nil, os.Getenv("PATH"), "strip", args...)
		// A shell would have called it by its bare name.
		said := strings.ReplaceAll(r.Stderr, filepath.Join(shimtest.Root, "bin", "strip"), "strip")
		if code == 0 || r.Code != code || said != stderr.String() {
			t.Errorf("strip %q: %d, %q, want %d, %q", args, r.Code, said, code, stderr.String())
		}
	}
	if r := runStripper(t, dir, nil, os.Getenv("PATH"), "strip", "app", "tool"); r.Code != 0 || r.Stderr != "" {
		t.Errorf("exit code %d, %q", r.Code, r.Stderr)
	}
	checkWhole(t, filepath.Join(dir, "app"), app)
	if out, err := exec.Command("nm", filepath.Join(dir, "tool")).CombinedOutput(); err != nil || !strings.Contains(string(out), "no symbols") {
		t.Errorf("tool has symbols: %s, %v", out, err)
	}
}

// programs makes a folder with a Go program and one of another language. It returns
// the Go program's bytes.
func programs(t *testing.T) (dir string, app []byte) {
	t.Helper()
	dir = t.TempDir()
	goProgram, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	if err := shimtest.CopyProgram(goProgram, filepath.Join(dir, "app")); err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(dir, "tool.c")
	if err := os.WriteFile(source, []byte("int main(void) { return 0; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-o", filepath.Join(dir, "tool"), source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir, shimtest.ReadFile(t, filepath.Join(dir, "app"))
}

// strip runs a call where the real program notes its arguments; "-" for none.
func strip(t *testing.T, dir string, m gocall.Mode, name, args string) (code int, called, stderr string) {
	t.Helper()
	bin := t.TempDir()
	note, mode := filepath.Join(bin, "called"), filepath.Join(bin, "mode")
	if err := os.WriteFile(mode, []byte(m), 0o444); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\nprintf %s \"$*\" >"+note+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := runStripper(t, dir, []string{shimtest.Mode + "=" + mode}, bin, name, strings.Fields(args)...)
	said, err := os.ReadFile(note)
	if err != nil {
		said = []byte("-")
	}
	return r.Code, string(said), r.Stderr
}

// runStripper runs this program under another name, by a link in the step's folder of
// stand-ins.
func runStripper(t *testing.T, dir string, env []string, path, name string, args ...string) shimtest.Result {
	t.Helper()
	link := filepath.Join(shimtest.Root, "bin", name)
	if err := os.Symlink("go", link); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	return shimtest.Run(proctest.Context(t), link, dir, append(env, "PATH="+filepath.Join(shimtest.Root, "bin")+":"+path), args...)
}
