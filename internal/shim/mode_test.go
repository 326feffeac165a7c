package shim

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/shim/gocall"
	"github.com/dlvgen/dlvgen/internal/shim/shimtest"
)

// inMode is the environment of calls in a mode.
func inMode(t *testing.T, m gocall.Mode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mode")
	if err := os.WriteFile(file, []byte(m), 0o444); err != nil {
		t.Fatal(err)
	}
	return shimtest.Mode + "=" + file
}

func TestSymbolsAreKeptBesideWhatProductionLinks(t *testing.T) {
	cgo := map[string]string{
		"main.go": cgoMain,
		"twice.h": "static int twice(int i) { return 2 * i; }\n",
	}
	for _, test := range []struct {
		name  string
		files map[string]string
		env   []string
		args  []string
	}{
		{name: "trimmed", args: []string{"-trimpath", stripFlag}},
		{name: "with its paths", args: []string{stripFlag}},
		{name: "DWARF alone left out", args: []string{"-ldflags=-w"}},
		{name: "nothing left out"},
		{name: "flags in GOFLAGS", env: []string{"GOFLAGS=-trimpath -ldflags=-s"}},
		{name: "position-independent", args: []string{"-buildmode=pie", "-trimpath", stripFlag}},
		{name: "by the host's linker", files: cgo, env: []string{"CGO_ENABLED=1"}, args: []string{"-trimpath", `-ldflags=-linkmode=external -s -w -extldflags "-Wl,-s -static"`}},
		{name: "a -toolexec of the user's own", args: []string{"-toolexec=env ASKED=yes", "-ldflags=-s"}},
		{name: "one in GOFLAGS", env: []string{"GOFLAGS=-toolexec=env"}, args: []string{"-ldflags=-s"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := hello(t, test.files)
			output := filepath.Join(root, "server")
			args := append(append([]string{"build", "-o", output}, test.args...), ".")
			bare := exec.Command("go", args...)
			bare.Dir = root
			bare.Env = append(append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOROOT="+filepath.Join(shimtest.Root, "goroot")), test.env...)
			if out, err := bare.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			production := shimtest.ReadFile(t, output)
			if err := os.Remove(output); err != nil {
				t.Fatal(err)
			}
			r := runGo(t, root, append([]string{inMode(t, gocall.Symbols)}, test.env...), args...)
			if r.Code != 0 || r.Stdout+r.Stderr != "" {
				t.Fatalf("exit code %d, %q", r.Code, r.Stdout+r.Stderr)
			}
			if !bytes.Equal(shimtest.ReadFile(t, output), production) {
				t.Error("the program is not production's")
			}
			m := readManifest(t, r.capture)
			if m.Mode != "symbols" || m.Trimpath != strings.Contains(strings.Join(append(test.args, test.env...), " "), "-trimpath") {
				t.Errorf("mode %q, trimpath %v", m.Mode, m.Trimpath)
			}
			checkSymbols(t, production, filepath.Join(r.capture, m.Programs[0].Symbols))
		})
	}
}

// checkSymbols looks whether a file has debug information and the same sections as
// a program.
func checkSymbols(t *testing.T, program []byte, file string) {
	t.Helper()
	symbols := shimtest.ReadFile(t, file)
	f, err := elf.NewFile(bytes.NewReader(symbols))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.DWARF(); err != nil || f.Section(".debug_info") == nil {
		t.Errorf("the symbols have no debug information: %v", err)
	}
	ours, err := gobin.Sections(bytes.NewReader(symbols))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := gobin.Sections(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	if err := gobin.Compare(ours, theirs); err != nil {
		t.Error(err)
	}
}

func TestOptimizedProgramsKeepEverythingButStripping(t *testing.T) {
	root := hello(t, nil)
	r := runGo(t, root, []string{inMode(t, gocall.Optimized), "GOFLAGS=-ldflags=-w -tags=a"},
		"build", "-trimpath", "-gcflags=-l=4", stripFlag)
	if r.Code != 0 {
		t.Fatalf("exit code %d, %q", r.Code, r.Stderr)
	}
	m := readManifest(t, r.capture)
	if want := gocall.RedactArgs([]string{"build", "-ldflags=", `-ldflags=-X "main.v=a b"`, "-trimpath", "-gcflags=-l=4"}); !slices.Equal(m.ArgsAfter, want) || m.GoflagsAfter != "-tags=a" {
		t.Errorf("ran go %q with GOFLAGS=%q, want %q", m.ArgsAfter, m.GoflagsAfter, want)
	}
	if !m.Trimpath || m.Programs[0].Symbols != "" {
		t.Errorf("the manifest is %+v", m)
	}
}

// Production's tools answer for themselves which they are, so that one cache serves
// every mode, in whatever order.
func TestModesDoNotSpoilEachOthersCache(t *testing.T) {
	root := hello(t, nil)
	cache := "GOCACHE=" + t.TempDir()
	sums := map[gocall.Mode][]byte{}
	for _, m := range []gocall.Mode{gocall.Symbols, gocall.Debug, gocall.Optimized, gocall.Symbols, gocall.Debug, gocall.Optimized} {
		output := filepath.Join(t.TempDir(), "server")
		if r := runGo(t, root, []string{inMode(t, m), cache}, "build", "-trimpath", stripFlag, "-o", output, "."); r.Code != 0 {
			t.Fatalf("%s: %s", m, r.Stderr)
		}
		got := shimtest.ReadFile(t, output)
		if sums[m] != nil && !bytes.Equal(sums[m], got) {
			t.Errorf("%s: another program than before", m)
		}
		sums[m] = got
	}
	if bytes.Equal(sums[gocall.Debug], sums[gocall.Optimized]) || bytes.Equal(sums[gocall.Symbols], sums[gocall.Optimized]) {
		t.Error("two modes give the same program")
	}
}
