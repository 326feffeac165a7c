package shim

import (
	"bytes"
	"debug/dwarf"
	"debug/elf"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/shim/manifest"
	"github.com/dlvgen/dlvgen/internal/shim/shimtest"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

const (
	helloMod  = "module example.com/hello\n\ngo 1.21\n"
	helloMain = `package main

import (
	"fmt"

	"example.com/hello/lib"
)

var v = "unset"

func main() { fmt.Println(v, lib.Double(2)) }
`
	helloLib = "package lib\n\nfunc Double(i int) int { return 2 * i }\n"
)

func hello(t *testing.T, more map[string]string) string {
	files := map[string]string{"go.mod": helloMod, "main.go": helloMain, "lib/lib.go": helloLib}
	for name, content := range more {
		files[name] = content
	}
	return proctest.Files(t, files)
}

const cgoMain = `package main

// #include "twice.h"
import "C"
import "fmt"

func main() { fmt.Println(C.twice(2)) }
`

const stripFlag = `-ldflags=-s -w -X "main.v=a b"`

var buildCases = []struct {
	name  string
	files map[string]string
	env   []string
	dir   string
	args  []string
	// want maps the paths of the programs, below the module's folder, to
	// what they print.
	want map[string]string
	// sources are captured besides go.mod, main.go and lib/lib.go.
	sources []string
	without []string
}{
	{
		name: "stripped and trimmed", args: []string{"build", "-trimpath", stripFlag},
		want: map[string]string{"hello": "a b 4\n"},
	},
	{
		name: "flags in GOFLAGS", env: []string{"GOFLAGS=-trimpath '-ldflags=-s -w -X=main.v=g' -pgo=off"},
		args: []string{"build", "-o", "out/app"}, want: map[string]string{"out/app": "g 4\n"},
	},
	{
		name: "flags in a file of settings", env: []string{"GOENV=env"}, files: map[string]string{"env": "GOFLAGS=-ldflags=-s\n"},
		args: []string{"build"}, want: map[string]string{"hello": "unset 4\n"},
	},
	{
		name: "two programs in a folder", args: []string{"build", "-ldflags=-s", "-o", "bin/", "./..."},
		files:   map[string]string{"cmd/b/v2/b.go": strings.ReplaceAll(helloMain, "unset", "b")},
		want:    map[string]string{"bin/hello": "unset 4\n", "bin/b": "b 4\n"},
		sources: []string{"cmd/b/v2/b.go"},
	},
	{
		name: "from another folder", dir: "lib", args: []string{"build", "-C", "..", stripFlag, "-o", "x"},
		want: map[string]string{"x": "a b 4\n"},
	},
	{
		name: "a file", args: []string{"build", "-a=false", "main.go"},
		want: map[string]string{"main": "unset 4\n"},
	},
	{
		name: "cgo, stripped by the host's linker", args: []string{"build", "-ldflags=-linkmode=external -extldflags '-Wl,-s'"},
		env: []string{"CGO_LDFLAGS=-s", "CGO_ENABLED=1"},
		files: map[string]string{
			"main.go": cgoMain, "twice.h": "#include \"deeper.h\"\n", "deeper.h": "int twice(int);\n", "unused.h": "",
			"twice.c": "int twice(int i) { return 2 * i; }\n", "lib/unused.h": "",
		},
		want: map[string]string{"hello": "4\n"}, sources: []string{"twice.h", "deeper.h", "twice.c"}, without: []string{"lib/lib.go"},
	},
	{
		name: "position independent", args: []string{"build", "-buildmode=pie", "-ldflags", "-w -s"},
		want: map[string]string{"hello": "unset 4\n"},
	},
	{
		name: "installed", env: []string{"GOBIN=$DIR/bin"}, args: []string{"install", stripFlag, "example.com/hello"},
		want: map[string]string{"bin/hello": "a b 4\n"},
	},
	{
		name: "a test program", args: []string{"test", "-c", "-ldflags=-s -w", "-trimpath", "./lib"},
		files: map[string]string{
			"lib/lib_test.go":   "package lib\n\nimport \"testing\"\n\nfunc TestDouble(t *testing.T) { _ = Double(2) }\n",
			"lib/extra_test.go": "package lib_test\n\nimport \"testing\"\n\nfunc TestMore(*testing.T) {}\n",
		},
		want:    map[string]string{"lib.test": "PASS\n"},
		sources: []string{"lib/lib_test.go", "lib/extra_test.go"}, without: []string{"main.go"},
	},
	{
		name: "with embedded files and other systems' files", args: []string{"build", "-tags", "x"},
		files: map[string]string{
			"lib/secret.txt": "s3cret", "lib/lib_plan9.go": "package lib\n",
			"lib/embed.go": "package lib\n\nimport _ \"embed\"\n\n//go:embed secret.txt\nvar secret string\n",
			"lib/x.go":     "//go:build x\n\npackage lib\n", "lib/y.go": "//go:build !x\n\npackage lib\n",
			"lib/lib_test.go": "package lib\n",
		},
		want:    map[string]string{"hello": "unset 4\n"},
		sources: []string{"lib/embed.go", "lib/x.go"},
	},
	{
		name: "with -mod=mod", args: []string{"build", "-mod=mod"}, want: map[string]string{"hello": "unset 4\n"},
	},
}

func TestProgramsCanBeDebuggedWhateverTheFlags(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Fatal("gcc is missing, which the cases with cgo need: apt-get install gcc")
	}
	for _, test := range buildCases {
		t.Run(test.name, func(t *testing.T) {
			root := hello(t, test.files)
			env := slices.Clone(test.env)
			for i, entry := range env {
				env[i] = strings.ReplaceAll(strings.ReplaceAll(entry, "$DIR", root), "GOENV=", "GOENV="+root+"/")
			}
			if slices.Contains(test.env, "GOENV=env") {
				env = append(env, "GOFLAGS=")
			}
			r := runGo(t, filepath.Join(root, test.dir), env, test.args...)
			if r.Code != 0 || r.Stdout != "" || r.Stderr != "" {
				t.Fatalf("exit code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
			}
			m := readManifest(t, r.capture)
			outputs := make(map[string]string)
			for _, p := range m.Programs {
				outputs[p.Output] = p.BuildID
			}
			if len(outputs) != len(test.want) {
				t.Errorf("programs %v", m.Programs)
			}
			for path, prints := range test.want {
				path = filepath.Join(root, path)
				checkProgram(t, path, prints, outputs[path])
			}
			want := append([]string{"go.mod", "main.go", "lib/lib.go"}, test.sources...)
			want = slices.DeleteFunc(want, func(s string) bool { return slices.Contains(test.without, s) })
			checkSources(t, r.capture, root, want)
			if m.Sources != len(want) || m.Module != "example.com/hello" || m.ModuleDir != root || m.Dir != root {
				t.Errorf("manifest: %+v", m)
			}
		})
	}
}

// checkProgram runs a program and looks whether the units of its module were
// compiled without optimization and inlining.
func checkProgram(t *testing.T, path, prints, buildID string) {
	t.Helper()
	out, err := exec.Command(path).Output()
	if err != nil || string(out) != prints {
		t.Errorf("%s prints %q, %v, want %q", path, out, err, prints)
	}
	wantID, err := exec.Command("go", "tool", "buildid", path).Output()
	if err != nil || strings.TrimSpace(string(wantID)) != buildID {
		t.Errorf("%s: build id %q in the manifest, %q in the program, %v", path, buildID, wantID, err)
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := f.DWARF()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	own := 0
	for unit := range units(t, data) {
		name, _ := unit.Val(dwarf.AttrName).(string)
		producer, _ := unit.Val(dwarf.AttrProducer).(string)
		if name != "main" && !strings.HasPrefix(name, "example.com/") {
			continue
		}
		own++
		if !strings.Contains(producer, " -N") || !strings.Contains(producer, " -l") {
			t.Errorf("%s: unit %s was compiled by %q", path, name, producer)
		}
	}
	if own == 0 {
		t.Errorf("%s: no unit of its own module", path)
	}
}

func units(t *testing.T, data *dwarf.Data) func(func(*dwarf.Entry) bool) {
	return func(yield func(*dwarf.Entry) bool) {
		r := data.Reader()
		for {
			entry, err := r.Next()
			if err != nil {
				t.Errorf("reading DWARF: %v", err)
			}
			if err != nil || entry == nil {
				return
			}
			if entry.Tag == dwarf.TagCompileUnit && !yield(entry) {
				return
			}
			r.SkipChildren()
		}
	}
}

func readManifest(t *testing.T, capture string) manifest.Manifest {
	t.Helper()
	records, err := filepath.Glob(filepath.Join(ownFolder(capture), "builds", "*"))
	if err != nil || len(records) != 1 || filepath.Ext(records[0]) != ".json" {
		t.Fatalf("records %q, %v", records, err)
	}
	data, err := os.ReadFile(records[0])
	if err != nil {
		t.Fatal(err)
	}
	var m manifest.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// checkSources compares what was captured below the folder with want.
func checkSources(t *testing.T, capture, root string, want []string) {
	t.Helper()
	var got []string
	err := fs.WalkDir(os.DirFS(filepath.Join(ownFolder(capture), "src", root)), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			got = append(got, path)
			captured, _ := os.ReadFile(filepath.Join(ownFolder(capture), "src", root, path))
			compiled, _ := os.ReadFile(filepath.Join(root, path))
			if !bytes.Equal(captured, compiled) {
				t.Errorf("%s differs from what was compiled", path)
			}
		}
		return err
	})
	slices.Sort(got)
	slices.Sort(want)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("captured %q, %v, want %q", got, err, want)
	}
}

func TestACompileErrorIsTheRealOne(t *testing.T) {
	root := hello(t, map[string]string{"lib/lib.go": "package lib\n\nfunc Double(i int) int { return undefined }\n"})
	args := []string{"build", "-trimpath", "./..."}
	r := runGo(t, root, nil, args...)
	bare := exec.Command("go", args...)
	bare.Dir = root
	bare.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	var stderr strings.Builder
	bare.Stderr = &stderr
	code := step.ExitCode(bare.Run())
	if code == 0 || r.Code != code || r.Stderr != stderr.String() {
		t.Errorf("exit code %d, %q, want %d, %q", r.Code, r.Stderr, code, stderr.String())
	}
	if entries, err := os.ReadDir(r.capture); err != nil || len(entries) != 0 {
		t.Errorf("captured %v, %v", entries, err)
	}
}

func TestLibrariesAreCompiledForDebuggingAndNotRecorded(t *testing.T) {
	root := hello(t, nil)
	r := runGo(t, root, nil, "build", "-x", "./lib")
	if r.Code != 0 || !strings.Contains(r.Stderr, " -N -l ") {
		t.Errorf("exit code %d\n%s", r.Code, r.Stderr)
	}
	if entries, err := os.ReadDir(r.capture); err != nil || len(entries) != 0 {
		t.Errorf("captured %v, %v", entries, err)
	}
}

func TestABuildStandsWhereTheCaptureFails(t *testing.T) {
	root := hello(t, nil)
	capture := t.TempDir()
	if err := os.Mkdir(ownFolder(capture), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(ownFolder(capture), "src"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r := runGo(t, root, []string{shimtest.Capture + "=" + capture}, "build")
	if r.Code != 0 || r.Stdout+r.Stderr != "" {
		t.Errorf("exit code %d, %q", r.Code, r.Stdout+r.Stderr)
	}
	reasons, err := filepath.Glob(filepath.Join(ownFolder(capture), "builds", "*.error"))
	if err != nil || len(reasons) != 1 {
		t.Fatalf("records of the failure: %q, %v", reasons, err)
	}
	if reason, err := os.ReadFile(reasons[0]); err != nil || !strings.Contains(string(reason), "not a directory") {
		t.Errorf("reason %q, %v", reason, err)
	}
	r = runGo(t, root, []string{shimtest.Capture + "=" + filepath.Join(capture, "missing")}, "build", "-o", "again")
	if r.Code != 0 || r.Stdout+r.Stderr != "" {
		t.Errorf("without a capture mount: exit code %d, %q", r.Code, r.Stdout+r.Stderr)
	}
	if _, err := os.Stat(filepath.Join(root, "again")); err != nil {
		t.Error(err)
	}
}

func TestCapturesOfTheSameBuildsAreTheSame(t *testing.T) {
	root := hello(t, map[string]string{"cmd/b/b.go": helloMain})
	var trees []string
	for range 2 {
		capture := t.TempDir()
		env := []string{shimtest.Capture + "=" + capture}
		var both sync.WaitGroup
		for _, program := range []string{".", "./cmd/b"} {
			both.Go(func() {
				if r := runGo(t, root, env, "build", "-o", "bin/", program); r.Code != 0 {
					t.Errorf("building %s: %s", program, r.Stderr)
				}
			})
		}
		both.Wait()
		trees = append(trees, describeTree(t, ownFolder(capture)))
	}
	if trees[0] != trees[1] || strings.Count(trees[0], "builds/") != 2 {
		t.Errorf("captured\n%s\nand\n%s", trees[0], trees[1])
	}
}

// describeTree lists the files of a folder with everything that a layer made of
// it would hold.
func describeTree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content := []byte{}
		if info.Mode().IsRegular() {
			if content, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		b.WriteString(strings.Join([]string{
			strings.TrimPrefix(path, dir), info.Mode().String(), info.ModTime().UTC().String(), string(content),
		}, " ") + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
