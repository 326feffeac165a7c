package record

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/shim/mounts"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

// shm is a folder on a mount that no step is told of.
func shm(t *testing.T) string {
	t.Helper()
	dir := "/dev/shm/dlvgen-test-" + filepath.Base(filepath.Dir(t.TempDir()))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// tellMounts writes what a step is told of its mounts: a test's folders may be captured.
func tellMounts(t *testing.T, capture string, more ...string) {
	t.Helper()
	points, err := mounts.Read("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for dir := mounts.Resolve(t.TempDir()); dir != "/"; dir = filepath.Dir(dir) {
		if points.Has(dir) {
			more = append(more, dir)
			break
		}
	}
	list := "[]"
	if len(more) > 0 {
		list = `["` + strings.Join(more, `","`) + `"]`
	}
	if err := os.WriteFile(filepath.Join(capture, layout.CaptureFrom), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAFileIsReadWhereItLies(t *testing.T) {
	secret := filepath.Join(shm(t), "key.go")
	capture, dir := t.TempDir(), t.TempDir()
	tellMounts(t, capture)
	from, err := originsOf(step.Step{Capture: capture, Mountinfo: "/proc/self/mountinfo"})
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.WriteFile(at("plain.go"), []byte("plain"), 0o600),
		os.WriteFile(secret, []byte("secret"), 0o600),
		os.Symlink("plain.go", at("near.go")),
		os.Symlink(secret, at("far.go")),
		os.Symlink(filepath.Dir(secret), at("folder")),
		os.Symlink("/proc/self/environ", at("environ.go")),
		os.Symlink("/sys/kernel/notes", at("kernel.go")),
		os.Symlink("/dev/zero", at("zero.go")),
		syscall.Mkfifo(at("pipe.go"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		path, want string
		leftOut    bool
	}{
		{path: at("plain.go"), want: "plain"},
		{path: at("near.go"), want: "plain"},
		{path: secret, leftOut: true},
		{path: at("far.go"), leftOut: true},
		{path: at("folder/key.go"), leftOut: true},
		{path: at("environ.go"), leftOut: true},
		{path: at("kernel.go"), leftOut: true},
		{path: at("zero.go"), leftOut: true},
		{path: at("pipe.go")},
		{path: at("missing.go")},
	} {
		data, _, err := from.read(test.path)
		var left *leftOutError
		if string(data) != test.want || errors.As(err, &left) != test.leftOut || (err == nil) != (test.want != "") {
			t.Errorf("%s: read %q, %v", test.path, data, err)
		}
	}

	tellMounts(t, capture, "/dev/shm")
	if from, err = originsOf(step.Step{Capture: capture, Mountinfo: "/proc/self/mountinfo"}); err != nil {
		t.Fatal(err)
	}
	if data, _, err := from.read(at("far.go")); string(data) != "secret" {
		t.Errorf("a file of a mount that may be captured: %q, %v", data, err)
	}
}
