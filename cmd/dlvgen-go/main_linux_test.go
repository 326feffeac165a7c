package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/proctest"
)

// enterStep makes a root file system of binds of the machine's own, mounts the
// stand-in as a compile step has it, and runs a script there. $1 is an empty
// folder, $2 the stand-in, $3 GOROOT, $4 the capture folder, $5 the cache, $6 the
// script's folder and $7 the script.
const enterStep = `
set -e
mount --make-rprivate / || exit 125
mount -t tmpfs none "$1" || exit 125
for entry in /*; do
	if [ -h "$entry" ]; then cp -P "$entry" "$1$entry"
	elif [ -d "$entry" ]; then mkdir "$1$entry"; mount --rbind "$entry" "$1$entry"
	fi
done
d="$1/.dlvgen"
mkdir -p "$d/bin" "$d/real$3/bin" "$d/capture" "$d/go-build"
touch "$d/bin/go" "$d/real$3/bin/go"
mount --bind "$2" "$d/bin/go"
mount --bind "$1$3/bin/go" "$d/real$3/bin/go"
mount --bind "$2" "$1$3/bin/go"
mount --bind "$4" "$d/capture"
mount --bind "$5" "$d/go-build"
PATH=/.dlvgen/bin:$3/bin:$PATH exec chroot "$1" sh -c 'cd "$1" && exec sh -ec "$2"' sh "$6" "$7"
`

// runStep runs a script in a step. It skips the test where mounts may not be
// made, other than in CI.
func runStep(t *testing.T, dir, script string) (output, capture, cache string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "dlvgen-go")
	build := exec.CommandContext(proctest.Context(t), "go", "build", "-trimpath", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the stand-in: %v\n%s", err, out)
	}
	goroot, err := exec.CommandContext(proctest.Context(t), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	capture, cache = t.TempDir(), t.TempDir()
	_, top, _ := strings.Cut(dir, "/")
	top, _, _ = strings.Cut(top, "/")
	if err := os.WriteFile(filepath.Join(capture, layout.CaptureFrom), []byte(`["/`+top+`"]`), 0o600); err != nil {
		t.Fatal(err)
	}
	step := exec.CommandContext(proctest.Context(t), "sh", "-c", enterStep, "sh",
		t.TempDir(), program, strings.TrimSpace(string(goroot)), capture, cache, dir, script)
	step.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	step.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if uid := os.Getuid(); uid != 0 {
		step.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		step.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		step.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := step.CombinedOutput()
	if err == nil {
		return string(out), capture, cache
	}
	if code := step.ProcessState; code == nil || code.ExitCode() == 125 {
		proctest.Missing(t, "needs a mount namespace, which this user may not make (run as root): %v\n%s", err, out)
	}
	t.Fatalf("%v\n%s", err, out)
	return "", "", ""
}

func TestEveryWayToTheGoCommandLeadsToTheStandIn(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":     "module example.com/hello\n\ngo 1.21\n",
		"main.go":    "package main\n\nfunc main() { println(\"hello\") }\n",
		"build/b.go": "package main\n\nimport (\n\t\"os\"\n\t\"os/exec\"\n)\n\nfunc main() {\n\tc := exec.Command(\"go\", \"build\", \"-ldflags=-s -w\", \"-o\", \"by-program\", \".\")\n\tc.Stderr = os.Stderr\n\tif c.Run() != nil {\n\t\tos.Exit(1)\n\t}\n}\n",
		"build.sh":   "#!/bin/sh\nexec \"$(go env GOROOT)/bin/go\" build -trimpath -ldflags=-s -o by-script .\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	output, capture, cache := runStep(t, dir, `
go build -ldflags="-s -w" -o by-name .
./build.sh
PATH=${PATH#/.dlvgen/bin:}
go run ./build
# The machine's own cache is on a mount here, as in a step whose user has one.
GOCACHE=/cache go build -o cached .
test ! -e /cache
`)
	if output != "" {
		t.Errorf("the step prints %q", output)
	}
	for _, name := range []string{"by-name", "by-script", "by-program", "cached"} {
		f, err := elf.Open(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := f.DWARF(); err != nil || f.Section(".symtab") == nil {
			t.Errorf("%s was stripped: %v", name, err)
		}
		f.Close()
	}
	if records, err := filepath.Glob(filepath.Join(capture, "0", "builds", "*.json")); err != nil || len(records) != 4 {
		t.Errorf("records %q, %v, want 4", records, err)
	}
	if _, err := os.Stat(filepath.Join(capture, "0", "src", dir, "main.go")); err != nil {
		t.Error(err)
	}
	if cached, err := os.ReadDir(cache); err != nil || len(cached) == 0 {
		t.Errorf("the cache mount holds %d entries, %v", len(cached), err)
	}
}

// TestACacheThatIsFullOrDamagedIsNamed fills the cache's file system, and then puts
// garbage of the same size into the largest file of a sound cache.
func TestACacheThatIsFullOrDamagedIsNamed(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":  "module example.com/hello\n\ngo 1.21\n",
		"main.go": "package main\n\nimport \"unicode/utf8\"\n\nfunc main() { println(utf8.RuneCountInString(\"hello\")) }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	output, _, _ := runStep(t, dir, `
cache=/.dlvgen/go-build
export HOME=/nowhere
unset GOCACHE XDG_CACHE_HOME
go build -o sound .
largest=$(ls -S $cache/*/*-d | head -n 1)
dd if=/dev/zero of="$largest" bs=1k count=$(($(stat -c %s "$largest") / 1024)) conv=notrunc 2>/dev/null
rm sound
! go build -o damaged . || exit 3
go build -o healed .
mount -t tmpfs -o size=100k none $cache
! go build -o full . || exit 4
`)
	for _, want := range []string{
		"dlvgen: 1 files of Go's build cache (/.dlvgen/go-build) were damaged and have been removed: build again, or build with --no-go-cache to do without it\n",
		"dlvgen: the builder has no room left for Go's build cache (/.dlvgen/go-build): prune the builder, or build with --no-go-cache to do without it\n",
	} {
		if !strings.Contains(output, want) {
			t.Errorf("the output has no %q:\n%s", want, output)
		}
	}
}
