package shim

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/shim/gocall"
	"github.com/dlvgen/dlvgen/internal/shim/shimtest"
)

// services is a module of two programs that import one of another module, and little of the
// standard library.
var services = map[string]string{
	"go.mod":     "module example.com/services\n\ngo 1.21\n\nrequire example.com/dep v1.0.0\n\nreplace example.com/dep => ./dep\n",
	"dep/go.mod": "module example.com/dep\n\ngo 1.21\n",
	"dep/dep.go": "package dep\n\nfunc Say() { println(\"dep\") }\n",
	"a/main.go":  "package main\n\nimport \"example.com/dep\"\n\nfunc main() { dep.Say() }\n",
	"b/main.go":  "package main\n\nimport \"example.com/dep\"\n\nfunc main() { dep.Say() }\n",
}

// inGoCache is the environment of calls whose build cache is a mount, one for all tests of
// the package.
func inGoCache(t *testing.T) []string {
	t.Helper()
	cache := filepath.Join(shimtest.Root, "go-build")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	return []string{"CGO_ENABLED=0", shimtest.Mounts + "=" + writeMountsOf(t, "/snapshots/6/fs/dlvgen-go-build", cache)}
}

// counting is a -toolexec that writes the package of each call of the compiler to a file.
func counting(t *testing.T, more string) (flag, file string) {
	t.Helper()
	dir := t.TempDir()
	script, file := filepath.Join(dir, "toolexec"), filepath.Join(dir, "compiled")
	text := "#!/bin/sh\ncase \"$*\" in\n*-V=full*) " + more + " ;;\n*/compile\\ *) echo \"$TOOLEXEC_IMPORTPATH\" >>" + file + " ;;\nesac\nexec \"$@\"\n"
	if err := errors.Join(os.WriteFile(script, []byte(text), 0o755), os.WriteFile(file, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	return "-toolexec=" + script, file
}

// TestStepsAtTheSameTimeCompileAPackageOnce has several calls fill an empty cache.
func TestStepsAtTheSameTimeCompileAPackageOnce(t *testing.T) {
	for _, test := range []struct {
		mode  gocall.Mode
		calls []string
	}{
		{gocall.Debug, []string{"build -o bin/ ./a", "build -o bin/ -trimpath ./b"}},
		{gocall.Symbols, []string{"vet ./b", "build -o bin/ -ldflags=-s ./a", "build -o bin/ -ldflags=-w ./b"}},
	} {
		dir := proctest.Files(t, services)
		flag, file := counting(t, "")
		env := append(inGoCache(t), inMode(t, test.mode), "GOFLAGS="+flag)
		var all sync.WaitGroup
		for _, call := range test.calls {
			all.Go(func() {
				if r := runGo(t, dir, env, strings.Fields(call)...); r.Code != 0 || r.Stdout+r.Stderr != "" {
					t.Errorf("%s, %s: exit code %d, %q", test.mode, call, r.Code, r.Stdout+r.Stderr)
				}
			})
		}
		all.Wait()
		count := map[string]int{}
		for name := range strings.Lines(string(shimtest.ReadFile(t, file))) {
			count[strings.TrimSpace(name)]++
		}
		if count["runtime"] == 0 || count["example.com/dep"] == 0 {
			t.Errorf("%s: nothing was counted: %v", test.mode, count)
		}
		for name, n := range count {
			if n > 1 && !strings.HasPrefix(name, "example.com/services") {
				t.Errorf("%s: %s was compiled %d times", test.mode, name, n)
			}
		}
	}
}

// TestACallInsideACompileDoesNotWaitForIt has a -toolexec that builds another program.
func TestACallInsideACompileDoesNotWaitForIt(t *testing.T) {
	other := proctest.Files(t, map[string]string{"go.mod": "module example.com/tool\n\ngo 1.21\n", "main.go": "package main\n\nfunc main() { println() }\n"})
	flag, _ := counting(t, "[ -n \"$INSIDE\" ] || (cd "+other+" && INSIDE=yes GOFLAGS= go build -o tool . && ./tool 2>>said)")
	path := filepath.Join(shimtest.Root, "goroot", "bin") + ":" + os.Getenv("PATH")
	r := runGo(t, proctest.Files(t, services), append(inGoCache(t), "PATH="+path, "GOFLAGS="+flag), "build", "-o", "bin/", "./a")
	if r.Code != 0 || r.Stdout+r.Stderr != "" {
		t.Errorf("exit code %d, %q", r.Code, r.Stdout+r.Stderr)
	}
	if said := shimtest.ReadFile(t, filepath.Join(other, "said")); len(said) < 2 {
		t.Errorf("the other program was built %d times, and not by both calls of go", len(said))
	}
}

// TestTheUsersCollectorStays has no variable of ours where the step has one.
func TestTheUsersCollectorStays(t *testing.T) {
	for _, own := range []string{"GOGC=50", "GOGC=off", "GOMEMLIMIT=100MiB"} {
		if got := withRoom([]string{own}); len(got) != 1 || got[0] != own {
			t.Errorf("%s became %q", own, got)
		}
	}
	if got := withRoom([]string{"A=b"}).Get("GOGC"); got == "" {
		t.Error("the compiler collects as much garbage as ever")
	}
}
