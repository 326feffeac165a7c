package shim

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/shim/environ"
	"github.com/dlvgen/dlvgen/internal/shim/gocall"
	"github.com/dlvgen/dlvgen/internal/shim/shimtest"
	"github.com/dlvgen/dlvgen/internal/shim/step"
	"github.com/dlvgen/dlvgen/internal/shim/toolchain"
)

// writeMountsOf writes a table in which all mounts show the same folder.
func writeMountsOf(t *testing.T, folder string, points ...string) string {
	t.Helper()
	var table strings.Builder
	for _, point := range append([]string{"/", "/proc"}, points...) {
		table.WriteString("36 35 98:0 " + folder + " " + strings.ReplaceAll(point, " ", `\040`) + " rw,noatime master:1 - ext3 /dev/root rw\n")
	}
	path := filepath.Join(t.TempDir(), "mountinfo")
	if err := os.WriteFile(path, []byte(table.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCleaningAModuleCacheThatIsAMountLeavesItAlone(t *testing.T) {
	goroot := filepath.Join(shimtest.Root, "goroot")
	modcache := t.TempDir()
	mounted := writeMountsOf(t, "/snapshots/5/fs/"+layout.CachePrefix+"go-mod", modcache)
	for _, test := range []struct {
		args   string
		mounts string
		want   string
		done   bool
	}{
		{args: "clean -modcache", mounts: mounted, done: true},
		{args: "clean -modcache -x", mounts: mounted, done: true},
		{args: "clean -C . -modcache", mounts: mounted, done: true},
		{args: "clean -cache --modcache", mounts: mounted, want: "clean -cache"},
		{args: "clean -modcache ./...", mounts: mounted, want: "clean ./..."},
		{args: "clean -modcache", mounts: writeMountsOf(t, "/a")},
		{args: "clean -modcache", mounts: writeMountsOf(t, "/a", modcache)}, // the user's: production fails too
		{args: "clean -modcache=false", mounts: mounted},
		{args: "clean", mounts: mounted},
		{args: "build -modcache", mounts: mounted},
	} {
		s := step.Step{Real: "/no/real", Mountinfo: test.mounts, Stderr: os.Stderr}
		tc := toolchain.Toolchain{Path: filepath.Join(shimtest.Root, "real", goroot, "bin", "go"), Goroot: goroot}
		env := tc.Environ(append(os.Environ(), "GOMODCACHE="+modcache))
		args := strings.Fields(test.args)
		command, _ := gocall.Cut(args)
		got, done := newGoCommand(t.Context(), s, tc, env, command, args).edited()
		if slices.Equal(got, args) {
			got = nil
		}
		if done != test.done || strings.Join(got, " ") != test.want {
			t.Errorf("go %s: %q, %v, want %q, %v", test.args, got, done, test.want, test.done)
		}
	}
}

// TestWhatGoRunStartsFindsTheStandIn lets go run switch to a toolchain that has no
// stand-in, which is the machine's own here.
func TestWhatGoRunStartsFindsTheStandIn(t *testing.T) {
	goroot := filepath.Join(shimtest.Root, "goroot")
	real := filepath.Join(shimtest.Root, "real", goroot, "bin", "go")
	s := step.Step{Bin: filepath.Join(shimtest.Root, "bin"), Executable: filepath.Join(goroot, "bin", "go")}
	other := installedGoroot(t)
	for _, test := range []struct{ goroot, args, want string }{
		{goroot, "run build.go", ""},
		{other, "run build.go", "run -exec='" + s.Bin + "/go' dlvgen-exec build.go"},
		{other, "-C . run -x build.go a", "-C . run -exec='" + s.Bin + "/go' dlvgen-exec -x build.go a"},
		{other, "run -C . build.go", "run -C . -exec='" + s.Bin + "/go' dlvgen-exec build.go"},
		{other, "build .", ""},
		{other, "env", ""},
	} {
		env := environ.Environ(os.Environ()).With("GOROOT", test.goroot)
		args := strings.Fields(test.args)
		command, _ := gocall.Cut(args)
		g := newGoCommand(t.Context(), s, toolchain.Toolchain{Path: real}, env, command, args)
		got, _ := g.edited()
		if slices.Equal(got, args) {
			got = nil
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("go %s with GOROOT=%s: %q, want %q", test.args, test.goroot, got, test.want)
		}
	}
}

// installedGoroot is the one that shimtest.Root's leads to.
func installedGoroot(t *testing.T) string {
	t.Helper()
	link, err := filepath.EvalSymlinks(filepath.Join(shimtest.Root, "goroot", "pkg"))
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(link)
}

func TestAProgramOfGoRunGetsThePathOfTheStandIns(t *testing.T) {
	own := filepath.Join(shimtest.Root, "bin")
	r := runGoAt(t, filepath.Join(own, "go"), t.TempDir(), []string{"PATH=/usr/bin:/bin"}, gocall.ExecMark, "/bin/sh", "-c", "echo $PATH $0 $1", "zero", "one")
	if got, want := strings.Fields(r.Stdout), []string{own + ":/usr/bin:/bin", "zero", "one"}; r.Code != 0 || !slices.Equal(got, want) {
		t.Errorf("%d, %q, %q; want %q", r.Code, got, r.Stderr, want)
	}
}
