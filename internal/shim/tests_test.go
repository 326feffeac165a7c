package shim

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/shim/gocall"
	"github.com/dlvgen/dlvgen/internal/shim/manifest"
	"github.com/dlvgen/dlvgen/internal/shim/shimtest"
)

// tested are files of a package with tests of both kinds, and with what they read.
var tested = map[string]string{
	"lib/lib_test.go": `package lib

import (
	"os"
	"testing"
)

var version = "none"

func TestData(t *testing.T) {
	for _, name := range []string{"testdata/golden.txt", "testdata/linked.txt", "testdata/deep/er.txt"} {
		if data, err := os.ReadFile(name); err != nil || string(data) != "golden\n" {
			t.Errorf("%q, %v", data, err)
		}
	}
	if info, err := os.Stat("testdata/run.sh"); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info, err)
	}
	println(version)
}
`,
	"lib/outside_test.go":       "package lib_test\n\nimport (\n\t\"testing\"\n\n\t\"example.com/hello/lib\"\n)\n\nfunc TestDouble(t *testing.T) {\n\tif lib.Double(2) != 4 {\n\t\tt.Fail()\n\t}\n}\n",
	"lib/testdata/golden.txt":   "golden\n",
	"lib/testdata/deep/er.txt":  "golden\n",
	"lib/testdata/run.sh":       "#!/bin/sh\n",
	"other/other.go":            "package other\n",
	"lib/tagged/tagged.go":      "package tagged\n",
	"lib/tagged/tagged_test.go": "//go:build never\n\npackage tagged\n",
}

// testsOf is the environment of calls that compile the tests of a package.
func testsOf(t *testing.T, pkg string) string {
	t.Helper()
	return shimtest.Test + "=" + proctest.Files(t, map[string]string{"test": pkg}) + "/test"
}

func testedHello(t *testing.T) string {
	t.Helper()
	root := hello(t, tested)
	if err := os.Chmod(filepath.Join(root, "lib", "testdata", "run.sh"), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	if err := os.Symlink("golden.txt", filepath.Join(root, "lib", "testdata", "linked.txt")); err != nil {
		t.Fatal(err)
	}
	return root
}

// TestTestsAreCompiledBesideTheProgram runs what was left, in the folder that was left.
func TestTestsAreCompiledBesideTheProgram(t *testing.T) {
	for _, m := range []gocall.Mode{gocall.Debug, gocall.Optimized} {
		root := testedHello(t)
		r := runGo(t, root, []string{inMode(t, m), testsOf(t, "example.com/hello/lib")}, "build", "-trimpath", "-o", "server", "-ldflags=-s -w -X example.com/hello/lib.version=v1", ".")
		if r.Code != 0 || r.Stderr != "" {
			t.Fatalf("%s: exit code %d: %s", m, r.Code, r.Stderr)
		}
		made := readManifest(t, r.capture).Test
		if made == nil || made.Missing != "" || made.Dir != filepath.Join(root, "lib") || made.ImportPath != "example.com/hello/lib" || filepath.Base(made.File) != "lib.test" {
			t.Fatalf("%s: the tests are %+v", m, made)
		}
		program := filepath.Join(r.capture, made.File)
		cmd := exec.Command(program, "-test.v")
		cmd.Dir = filepath.Join(r.capture, made.Data, made.Dir)
		out, err := cmd.CombinedOutput()
		for _, want := range []string{"v1\n", "PASS: TestData", "PASS: TestDouble"} {
			if err != nil || !strings.Contains(string(out), want) {
				t.Errorf("%s: %v: the tests printed\n%s, want %q", m, err, out, want)
			}
		}
		facts, err := gobin.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		if cause := facts.Debuggable(); (cause == nil) != (m == gocall.Debug) || !facts.DWARF {
			t.Errorf("%s: debuggable: %v", m, cause)
		}
		checkSources(t, r.capture, root, []string{"go.mod", "main.go", "lib/lib.go", "lib/lib_test.go", "lib/outside_test.go"})
		if m == gocall.Debug {
			checkSameAgain(t, root, r.capture)
		}
	}
}

// checkSameAgain compiles the same once more into a capture of its own.
func checkSameAgain(t *testing.T, root, capture string) {
	t.Helper()
	r := runGo(t, root, []string{testsOf(t, "example.com/hello/lib")}, "build", "-trimpath", "-o", "server", "-ldflags=-s -w -X example.com/hello/lib.version=v1", ".")
	if r.Code != 0 {
		t.Fatalf("exit code %d: %s", r.Code, r.Stderr)
	}
	link := regexp.MustCompile(`(linked.txt L\S+) .*`) // whose time nobody can set
	data := func(capture string) string {
		return link.ReplaceAllString(describeTree(t, filepath.Join(capture, readManifest(t, capture).Test.Data)), "$1")
	}
	if before, again := data(capture), data(r.capture); before != again || !strings.Contains(before, "er.txt") {
		t.Errorf("captured\n%s\nand\n%s", before, again)
	}
}

func TestAPackageWithoutTestsIsRecordedAsSuch(t *testing.T) {
	root := testedHello(t)
	for pkg, want := range map[string]manifest.Missing{
		"example.com/hello/other": manifest.MissingTests, "example.com/hello/lib/tagged": manifest.MissingTests,
		"example.com/hello/none": manifest.MissingPackage, "example.com/else": manifest.MissingPackage, "fmt": manifest.MissingPackage,
	} {
		r := runGo(t, root, []string{testsOf(t, pkg)}, "build", "-o", "server")
		if r.Code != 0 || r.Stderr != "" {
			t.Fatalf("%s: exit code %d: %s", pkg, r.Code, r.Stderr)
		}
		if made := readManifest(t, r.capture).Test; made == nil || made.Missing != want || made.File != "" {
			t.Errorf("%s: the tests are %+v, want them missing as %q", pkg, made, want)
		}
	}
}

func TestTestsThatDoNotCompileFailTheStep(t *testing.T) {
	root := hello(t, map[string]string{"lib/lib_test.go": "package lib\n\nvar _ = undefined\n"})
	r := runGo(t, root, []string{testsOf(t, "example.com/hello/lib")}, "build", "-o", "server")
	if r.Code == 0 || !strings.Contains(r.Stderr, "lib_test.go:3:9: undefined: undefined") {
		t.Errorf("exit code %d: %s", r.Code, r.Stderr)
	}
	if r := runGo(t, root, []string{testsOf(t, "example.com/hello/lib")}, "build", "./lib"); r.Code != 0 {
		t.Errorf("a call without a program compiles the tests: %s", r.Stderr)
	}
}

func TestSharedTestdataIsThatOfTheModuleAlone(t *testing.T) {
	root, outside := testedHello(t), proctest.Files(t, map[string]string{"outside.txt": ""})
	if err := os.Rename(filepath.Join(root, "lib", "testdata"), filepath.Join(root, "shared")); err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]string{"../shared": "/lib/testdata/golden.txt -rw-r--r--", outside: "/lib/testdata L"} {
		if err := os.Symlink(to, filepath.Join(root, "lib", "testdata")); err != nil {
			t.Fatal(err)
		}
		r := runGo(t, root, []string{testsOf(t, "example.com/hello/lib")}, "build", "-o", "server")
		if r.Code != 0 || r.Stderr != "" {
			t.Fatalf("exit code %d: %s", r.Code, r.Stderr)
		}
		tree := describeTree(t, filepath.Join(r.capture, readManifest(t, r.capture).Test.Data))
		if !strings.Contains(tree, want) || strings.Contains(tree, "outside.txt") {
			t.Errorf("testdata is a link to %s, and captured is\n%s", to, tree)
		}
		if err := os.Remove(filepath.Join(root, "lib", "testdata")); err != nil {
			t.Fatal(err)
		}
	}
}
