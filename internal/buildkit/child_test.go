package buildkit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

func TestUserConfigurationIsLaidOverOurs(t *testing.T) {
	user := filepath.Join(t.TempDir(), "buildkitd.toml")
	err := os.WriteFile(user, []byte(`
debug = true
[worker.oci]
gc = false
[registry."docker.io"]
mirrors = ["127.0.0.1:5000"]
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	plain, plainDigest, err := (&Child{}).config("/usr/sbin/runc", false)
	if err != nil {
		t.Fatal(err)
	}
	data, digest, err := (&Child{userConfig: user}).config("/usr/sbin/runc", false)
	if err != nil {
		t.Fatal(err)
	}
	if digest == plainDigest {
		t.Error("the digest does not follow the user's keys")
	}
	var got struct {
		Debug  bool
		Worker struct {
			OCI struct {
				Enabled bool
				GC      bool
				Binary  string
			}
			Containerd struct{ Enabled bool }
		}
		Registry map[string]struct{ Mirrors []string }
	}
	if err := toml.Unmarshal(data, &got); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	oci := got.Worker.OCI
	if !got.Debug || oci.GC || !oci.Enabled || oci.Binary != "/usr/sbin/runc" || got.Worker.Containerd.Enabled {
		t.Errorf("got %+v from %s\nover %s", got, data, plain)
	}
	if m := got.Registry["docker.io"].Mirrors; len(m) != 1 || m[0] != "127.0.0.1:5000" {
		t.Errorf("the mirrors of docker.io are %q", m)
	}
}

func TestBrokenUserConfigurationIsNamed(t *testing.T) {
	user := filepath.Join(t.TempDir(), "buildkitd.toml")
	if err := os.WriteFile(user, []byte("[worker"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := (&Child{userConfig: user}).config("runc", false)
	if err == nil || !strings.Contains(err.Error(), user) {
		t.Errorf("got %v, want an error that names %s", err, user)
	}
}

func TestSocketPathBeyondTheSystemsLimitIsRefused(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("XDG_RUNTIME_DIR", "/"+strings.Repeat("x", 120))
	_, err := NewChild()
	if err == nil || !strings.Contains(err.Error(), "XDG_RUNTIME_DIR") {
		t.Errorf("got %v, want an error that names XDG_RUNTIME_DIR", err)
	}
}
