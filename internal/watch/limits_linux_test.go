package watch

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// limitEnv names the folder that this test program watches, with as many watches as it says.
const limitEnv = "DLVGEN_TEST_WATCH_LIMIT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(limitEnv); dir != "" {
		fmt.Println(watchLimited(dir))
		return
	}
	os.Exit(m.Run())
}

// watchLimited watches a folder where the user may have three watches.
func watchLimited(dir string) error {
	if err := os.WriteFile("/proc/sys/user/max_inotify_watches", []byte("3"), 0o600); err != nil {
		return err
	}
	_, err := Open(Inputs{Folders: []Folder{{Dir: dir, Ignored: []string{"node_modules"}}}})
	return err
}

// TestTheLimitOfWatchesIsExplained sets the limit in a user namespace of its own. What is left
// out of the context needs no watches.
func TestTheLimitOfWatchesIsExplained(t *testing.T) {
	proctest.RequireRoot(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := proctest.Files(t, map[string]string{"a/x": "", "b/x": "", "node_modules/a/x": "", "node_modules/b/x": ""})
	run := func() string {
		t.Helper()
		cmd := exec.CommandContext(proctest.Context(t), self)
		cmd.Env = append(os.Environ(), limitEnv+"="+dir)
		ids := []syscall.SysProcIDMap{{HostID: 0, Size: 1}}
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := run(); got != "<nil>" {
		t.Errorf("three folders: %s", got)
	}
	if err := os.Mkdir(filepath.Join(dir, "c"), 0o700); err != nil {
		t.Fatal(err)
	}
	got := run()
	for _, want := range []string{"watching " + dir, "Linux watches no more folders for this user, fs.inotify.max_user_watches is ", ".dockerignore", "`sudo sysctl fs.inotify.max_user_watches=524288`"} {
		if !strings.Contains(got, want) {
			t.Errorf("four folders: %s\nlacks %s", got, want)
		}
	}
}

// TestLostHintsLoseNoChange writes more files than Linux keeps hints of while nobody reads them.
func TestLostHintsLoseNoChange(t *testing.T) {
	kept, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	if err != nil {
		t.Fatal(err)
	}
	files, err := strconv.Atoi(strings.TrimSpace(string(kept)))
	if err != nil {
		t.Fatal(err)
	}
	files += 4096 // fsnotify has read some
	w := watchFolder(t, map[string]string{"many/x": "", "gone/x": "", "same": ""}, Inputs{Folders: []Folder{{}}})
	w.sh(t, fmt.Sprintf("cd many; seq -w %d | xargs touch; rm -r ../gone", files))
	got := w.sees(t, w.until(t, func(h hint) bool { return h.path == "" }))
	if len(got) != files+2 || got[0] != "gone" {
		t.Errorf("saw %d changes: %q...", len(got), got[:min(3, len(got))])
	}
	w.write(t, "many/x", "after it")
	if got := w.saw(t); !slices.Equal(got, []string{"many/x"}) {
		t.Errorf("saw %q afterwards", got)
	}
}
