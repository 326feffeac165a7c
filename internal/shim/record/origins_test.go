package record

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/shim/shimtest"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

func TestAFileIsReadWhereItLies(t *testing.T) {
	secret := filepath.Join(shimtest.SHM(t), "key.go")
	capture, dir := t.TempDir(), t.TempDir()
	shimtest.TellMounts(t, capture)
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

	shimtest.TellMounts(t, capture, "/dev/shm")
	if from, err = originsOf(step.Step{Capture: capture, Mountinfo: "/proc/self/mountinfo"}); err != nil {
		t.Fatal(err)
	}
	if data, _, err := from.read(at("far.go")); string(data) != "secret" {
		t.Errorf("a file of a mount that may be captured: %q, %v", data, err)
	}
}
