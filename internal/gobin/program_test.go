package gobin

import (
	"bytes"
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// app is a module with a package of assembly, a dot in its name, which older linkers
// escape, and a dependency, replaced by a folder, whose path lies below its own.
var app = map[string]string{
	"go.mod": "module example.com/app.v2\n\ngo 1.16\n\nrequire example.com/app.v2/nested v1.0.0\n\n" +
		"replace example.com/app.v2/nested => ./nested\n",
	"main.go": `package main

import (
	"example.com/app.v2/inner"
	"example.com/app.v2/nested"
	"example.com/app.v2/word"
)

func main() { println(inner.Twice(nested.Add(1, word.Answer()))) }
`,
	"inner/inner.go":   "package inner\n\n//go:noinline\nfunc Twice(a int) int { return a * 2 }\n",
	"nested/go.mod":    "module example.com/app.v2/nested\n\ngo 1.16\n",
	"nested/nested.go": "package nested\n\n//go:noinline\nfunc Add(a, b int) int { return a + b }\n",
	"word/word.go":     "package word\n\nfunc Answer() int\n",
	"word/word.s":      "#include \"textflag.h\"\n\nTEXT ·Answer(SB), NOSPLIT, $0-8\n\tJMP ·fallback(SB)\n",
	"word/fallback.go": "package word\n\nfunc fallback() int { return 42 }\n",
	"c/c.go":           "package main\n\n// int answer(void) { return 42; }\nimport \"C\"\n\nfunc main() { println(C.answer()) }\n",
}

// buildProgram runs go build with these arguments, the last of them the package.
func buildProgram(t testing.TB, dir string, env []string, args ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "program")
	cmd := exec.CommandContext(proctest.Context(t), "go", append([]string{"build", "-o", out}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOENV=off", "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	cmd.Env = append(cmd.Env, env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", strings.Join(args, " "), err, text)
	}
	return out
}

func readProgram(t *testing.T, path string) *Facts {
	t.Helper()
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := Read(NewBlockReader(bytes.NewReader(program), int64(len(program)), 0))
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

func TestFactsOfRealPrograms(t *testing.T) {
	const all, enough = "-gcflags=all=-N -l", -1 // as many as it takes to know
	module := []string{"example.com/app.v2/inner", "example.com/app.v2/word", "main"}
	cgo := []string{"CGO_ENABLED=1"}
	tests := []struct {
		name      string
		env, args []string
		units     int
		optimized []string
		stripped  bool // of DWARF
		noSymtab  bool
		dynamic   bool
		gcc       bool
	}{
		{name: "plain", args: []string{"."}, units: 3, optimized: module},
		{name: "for debugging", args: []string{all, "."}, units: enough},
		{name: "main alone for debugging", args: []string{"-gcflags=-N -l", "."}, units: 3, optimized: module[:2]},
		{name: "without inlining only", args: []string{"-gcflags=all=-l", "."}, units: 3, optimized: module},
		{name: "trimpath", args: []string{"-trimpath", all, "."}, units: enough},
		{name: "uncompressed DWARF", args: []string{"-ldflags=-compressdwarf=false", all, "."}, units: enough},
		{name: "stripped", args: []string{"-ldflags=-s -w", all, "."}, stripped: true, noSymtab: true},
		{name: "without DWARF", args: []string{"-ldflags=-w", all, "."}, stripped: true},
		{name: "pie", args: []string{"-buildmode=pie", all, "."}, units: enough, dynamic: true},
		{name: "arm64", env: []string{"GOARCH=arm64"}, args: []string{all, "."}, units: enough},
		{name: "big-endian", env: []string{"GOARCH=s390x"}, args: []string{"."}, units: 3, optimized: module},
		{name: "32 bits", env: []string{"GOARCH=386"}, args: []string{"."}, units: 3, optimized: module},
		{name: "cgo", gcc: true, env: cgo, args: []string{all, "./c"}, units: enough, dynamic: true},
		{name: "cgo without DWARF of Go", gcc: true, env: cgo, args: []string{"-ldflags=-w", all, "./c"}, stripped: true, dynamic: true},
		{name: "cgo, pie", gcc: true, env: cgo, args: []string{"-buildmode=pie", "./c"}, units: 1, optimized: []string{"main"}, dynamic: true},
		{name: "static pie", gcc: true, env: cgo, args: []string{"-buildmode=pie", "-ldflags=-linkmode=external -extldflags=-static-pie", "./c"},
			units: 1, optimized: []string{"main"}},
	}
	dir := proctest.Files(t, app)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.gcc {
				proctest.RequirePrograms(t, "gcc")
			}
			facts := readProgram(t, buildProgram(t, dir, tt.env, tt.args...))
			if facts.Unoptimized != (tt.units == enough) {
				t.Errorf("all unoptimized: %t", facts.Unoptimized)
			}
			if tt.units == enough {
				tt.units = facts.Units
			}
			if facts.Units != tt.units || !slices.Equal(facts.Optimized, tt.optimized) {
				t.Errorf("units %d, optimized %q; want %d, %q", facts.Units, facts.Optimized, tt.units, tt.optimized)
			}
			if facts.DWARF == tt.stripped || facts.Symtab == tt.noSymtab {
				t.Errorf("DWARF %t, Symtab %t", facts.DWARF, facts.Symtab)
			}
			if (facts.Interpreter != "") != tt.dynamic {
				t.Errorf("Interpreter %q", facts.Interpreter)
			}
			checkIdentity(t, facts, tt.env)
			checkDebuggable(t, facts, tt.stripped, tt.optimized)
		})
	}
}

// checkIdentity compares what every program of the tests says of itself.
func checkIdentity(t *testing.T, facts *Facts, env []string) {
	t.Helper()
	arch := runtime.GOARCH
	for _, v := range env {
		if name, ok := strings.CutPrefix(v, "GOARCH="); ok {
			arch = name
		}
	}
	if facts.GOOS != runtime.GOOS || facts.GOARCH != arch {
		t.Errorf("platform %s/%s, want %s/%s", facts.GOOS, facts.GOARCH, runtime.GOOS, arch)
	}
	if facts.GoVersion != runtime.Version() || facts.Info.Main.Path != "example.com/app.v2" || strings.Count(facts.BuildID, "/") != 3 {
		t.Errorf("Go %q, module %q, build id %q", facts.GoVersion, facts.Info.Main.Path, facts.BuildID)
	}
}

func checkDebuggable(t *testing.T, facts *Facts, stripped bool, optimized []string) {
	t.Helper()
	err := facts.Debuggable()
	var units *OptimizedError
	switch {
	case stripped && !errors.Is(err, ErrNoDWARF):
		t.Errorf("got %v, want ErrNoDWARF", err)
	case len(optimized) > 0 && (!errors.As(err, &units) || !strings.Contains(err.Error(), optimized[0])):
		t.Errorf("got %v, want an error that names %s", err, optimized[0])
	case !stripped && len(optimized) == 0 && err != nil:
		t.Errorf("not debuggable: %v", err)
	}
}

func TestOptimizedErrorNamesTheFirstFew(t *testing.T) {
	err := (&Facts{DWARF: true, Units: 9, Optimized: []string{"a", "b", "c", "d", "e"}}).Debuggable()
	want := "5 of 9 packages of its main module were compiled without -N -l: a, b, c and 2 more"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestFactsOfOlderToolchains(t *testing.T) {
	dir := proctest.Files(t, app)
	for _, version := range []string{"go1.16.15", "go1.18.10", "go1.21.13"} {
		t.Run(version, func(t *testing.T) {
			env := []string{"GOTOOLCHAIN=" + version}
			requireToolchain(t, env)
			for _, mode := range []string{"exe", "pie"} {
				facts := readProgram(t, buildProgram(t, dir, env, "-buildmode="+mode, "-gcflags=all=-N -l", "."))
				if facts.GoVersion != version {
					t.Errorf("%s: Go %q, %d units", mode, facts.GoVersion, facts.Units)
				}
				if facts.GOOS != runtime.GOOS || facts.GOARCH != runtime.GOARCH {
					t.Errorf("%s: platform %s/%s", mode, facts.GOOS, facts.GOARCH)
				}
				if err := facts.Debuggable(); err != nil {
					t.Errorf("%s: not debuggable: %v", mode, err)
				}
			}
			facts := readProgram(t, buildProgram(t, dir, env, "."))
			if want := []string{"example.com/app.v2/inner", "example.com/app.v2/word", "main"}; !slices.Equal(facts.Optimized, want) {
				t.Errorf("optimized %q, want %q", facts.Optimized, want)
			}
		})
	}
}

// requireToolchain ends the test where the toolchain cannot be had.
func requireToolchain(t *testing.T, env []string) {
	t.Helper()
	cmd := exec.CommandContext(proctest.Context(t), "go", "version")
	cmd.Dir = t.TempDir()
	cmd.Env = append(append(os.Environ(), "GOENV=off", "GOFLAGS="), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		proctest.Missing(t, "the toolchain cannot be downloaded: %s", text)
	}
}

func TestProgramsOutsideModules(t *testing.T) {
	dir := proctest.Files(t, map[string]string{"main.go": "package main\n\nfunc main() { println(1) }\n"})
	facts := readProgram(t, buildProgram(t, dir, []string{"GO111MODULE=off"}, "-gcflags=-N -l", "main.go"))
	if facts.Info.Main.Path != "" || facts.Units != 1 {
		t.Errorf("module %q, %d units, want none and 1", facts.Info.Main.Path, facts.Units)
	}
	if err := facts.Debuggable(); err != nil {
		t.Error(err)
	}
}

// server is the module of a program of some megabytes.
var server = map[string]string{
	"go.mod":  "module example.com/server\n\ngo 1.26\n",
	"main.go": "package main\n\nimport \"net/http\"\n\nfunc main() { _ = http.ListenAndServe(\"127.0.0.1:0\", nil) }\n",
}

// What the stand-in for go compiled is recognised by its first compile units, in
// compressed debug information of any size.
func TestAProgramForDebuggingIsReadInKilobytes(t *testing.T) {
	program, err := os.ReadFile(buildProgram(t, proctest.Files(t, server), nil, "-gcflags=all=-N -l", "."))
	if err != nil {
		t.Fatal(err)
	}
	remote := &counted{ReaderAt: bytes.NewReader(program)}
	facts, err := Read(NewBlockReader(remote, int64(len(program)), 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := facts.Debuggable(); err != nil {
		t.Error(err)
	}
	if read := remote.bytes(); read > 256<<10 {
		t.Errorf("%d of %d bytes read, in %d requests: %v", read, len(program), len(remote.reads), remote.reads)
	}
	t.Logf("%d of %d bytes read, in %d requests", remote.bytes(), len(program), len(remote.reads))
}

func BenchmarkRead(b *testing.B) {
	dir := proctest.Files(b, server)
	for name, gcflags := range map[string]string{"debug": "all=-N -l", "optimized": ""} {
		b.Run(name, func(b *testing.B) {
			program, err := os.ReadFile(buildProgram(b, dir, nil, "-gcflags="+gcflags, "."))
			if err != nil {
				b.Fatal(err)
			}
			var read int64
			for b.Loop() {
				remote := &counted{ReaderAt: bytes.NewReader(program)}
				if _, err := Read(NewBlockReader(remote, int64(len(program)), 0)); err != nil {
					b.Fatal(err)
				}
				read = remote.bytes()
			}
			b.ReportMetric(float64(read)/1024, "KiB-read")
			b.ReportMetric(100*float64(read)/float64(len(program)), "%-of-file")
		})
	}
}

func TestCodeAndDataOfALargeProgramAreNotRead(t *testing.T) {
	program, err := os.ReadFile(buildProgram(t, proctest.Files(t, server), nil, "."))
	if err != nil {
		t.Fatal(err)
	}
	layout, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	var needed int64
	for _, s := range layout.Sections {
		if slices.Contains([]string{".debug_info", ".debug_abbrev", ".debug_addr"}, s.Name) {
			needed += int64(s.FileSize)
		}
	}

	direct := &counted{ReaderAt: bytes.NewReader(program)}
	if _, err := Read(direct); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".text", ".rodata", ".gopclntab", ".data", ".symtab", ".debug_line", ".debug_frame"} {
		checkUnread(t, direct.reads, layout.Section(name))
	}
	if read := direct.bytes(); read > needed+64<<10 {
		t.Errorf("%d bytes read for %d bytes of compile units", read, needed)
	}

	remote := &counted{ReaderAt: bytes.NewReader(program)}
	if _, err := Read(NewBlockReader(remote, int64(len(program)), 0)); err != nil {
		t.Fatal(err)
	}
	if len(remote.reads) > 24 || remote.bytes() > needed+24*DefaultBlock {
		t.Errorf("%d bytes in %d requests: %v", remote.bytes(), len(remote.reads), remote.reads)
	}
	for _, r := range remote.reads {
		if r.end-r.off > MaxRequest {
			t.Errorf("request of %d bytes", r.end-r.off)
		}
	}
	t.Logf("program %d bytes, needed %d, read directly %d in %d requests, through blocks %d in %d",
		len(program), needed, direct.bytes(), len(direct.reads), remote.bytes(), len(remote.reads))
}

// checkUnread asserts that nothing of a section was read, if the file has it, except
// the 24 bytes of a compression header, which debug/elf reads with the headers.
func checkUnread(t *testing.T, reads []span, s *elf.Section) {
	t.Helper()
	if s == nil {
		return
	}
	start, end := int64(s.Offset)+24, int64(s.Offset+s.FileSize)
	for _, r := range reads {
		if r.off < end && start < r.end {
			t.Errorf("%s at [%d, %d) is read by [%d, %d)", s.Name, start, end, r.off, r.end)
		}
	}
}
