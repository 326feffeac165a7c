package toolchain

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/shim/environ"
	"github.com/dlvgen/dlvgen/internal/shim/gocall"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

// writeMounts writes a table of mounts at the given points, as the kernel would.
func writeMounts(t *testing.T, points ...string) string {
	t.Helper()
	var table strings.Builder
	for _, point := range append([]string{"/", "/proc"}, points...) {
		table.WriteString("36 35 98:0 /a " + strings.ReplaceAll(point, " ", `\040`) + " rw,noatime master:1 - ext3 /dev/root rw\n")
	}
	path := filepath.Join(t.TempDir(), "mountinfo")
	if err := os.WriteFile(path, []byte(table.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheCacheMountIsUsedUnlessTheUserHasHisOwn(t *testing.T) {
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(t.TempDir(), "go build")
	if err := os.MkdirAll(filepath.Join(cache, "00"), 0o755); err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(home, "env")
	if err := os.WriteFile(settings, []byte("GOCACHE=/set/cache\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		mounts []string
		env    environ.Environ
		args   []string
		want   string
	}{
		{name: "by default", mounts: []string{cache}, args: []string{"build"}, want: cache},
		{name: "for go run", mounts: []string{cache}, args: []string{"run", "."}, want: cache},
		{name: "behind -C", mounts: []string{cache}, args: []string{"-C", "x", "install"}, want: cache},
		{name: "over a cache that is no mount", mounts: []string{cache}, env: environ.Environ{"GOCACHE=/c"}, args: []string{"build"}, want: cache},
		{name: "not a mount", args: []string{"build"}},
		{name: "the user's own", mounts: []string{cache, home + "/.cache/go-build"}, args: []string{"build"}},
		{name: "the user's own, above", mounts: []string{cache, home}, args: []string{"build"}},
		{name: "the user's own, by GOCACHE", mounts: []string{cache, "/c"}, env: environ.Environ{"GOCACHE=/c/go"}, args: []string{"build"}, want: "/c/go"},
		{name: "the user's own, by settings", mounts: []string{cache, "/set"}, env: environ.Environ{"GOENV=" + settings}, args: []string{"build"}},
		{name: "turned off", mounts: []string{cache}, env: environ.Environ{"GOCACHE=off"}, args: []string{"build"}, want: "off"},
		{name: "not for go clean", mounts: []string{cache}, args: []string{"clean", "-cache"}},
		{name: "not for go clean inside go run", mounts: []string{cache}, env: environ.Environ{"GOCACHE=" + cache}, args: []string{"clean", "-cache"}},
		{name: "not for go env", mounts: []string{cache}, args: []string{"env", "GOCACHE"}},
	} {
		s := step.Step{GoCache: cache, Mountinfo: writeMounts(t, test.mounts...)}
		env := append(environ.Environ{"HOME=" + home}, test.env...)
		command, _ := gocall.Cut(test.args)
		if got := WithCache(s, env, command.Subcommand).Get("GOCACHE"); got != test.want {
			t.Errorf("%s: GOCACHE = %q, want %q", test.name, got, test.want)
		}
	}
}
