package launch

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/proctest"
)

// TestInitIsPID1OfAHardenedContainer runs the real program in a container of
// runc's: from scratch, read-only, without /tmp, HOME, a passwd file, any
// capability or new privileges.
func TestInitIsPID1OfAHardenedContainer(t *testing.T) {
	proctest.RequireRoot(t)
	proctest.RequirePrograms(t, "runc")
	root := scratchImage(t)
	for name, test := range map[string]struct {
		flags, args []string
		stop        syscall.Signal
		ready       string
		want        int
	}{
		"the exit code comes out":       {flags: []string{"--continue"}, args: []string{"exit", "7"}, want: 7},
		"a panic ends the container":    {flags: []string{"--continue"}, args: []string{"panic"}, want: 2},
		"SIGTERM runs the handler":      {flags: []string{"--continue"}, args: []string{"serve"}, ready: "pid", stop: syscall.SIGTERM, want: 7},
		"SIGTERM ends a held program":   {args: []string{"serve"}, ready: "API server listening", stop: syscall.SIGTERM, want: 143},
		"SIGINT without a handler":      {flags: []string{"--continue"}, args: []string{"wait"}, ready: "pid", stop: syscall.SIGINT, want: 130},
		"orphans are reaped, then ends": {flags: []string{"--continue"}, args: []string{"orphans"}, ready: "pid", stop: syscall.SIGTERM, want: 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			argv := slices.Concat([]string{layout.Delve, "--listen=" + proctest.FreeAddress(t), "--headless=true",
				"--api-version=2", "--accept-multiclient", "exec"}, test.flags, []string{"/server", "--"}, test.args)
			c := runc(t, root, argv)
			switch test.ready {
			case "":
			case "pid":
				if c.pid() == 1 {
					t.Error("the program is PID 1, init is not")
				}
			default:
				c.says(test.ready)
			}
			if test.stop != 0 {
				c.stop(test.stop)
			}
			if got := c.code(patience); got != test.want {
				t.Errorf("exit code %d, want %d; stderr:\n%s", got, test.want, c.stderr)
			}
		})
	}
	t.Run("replaced arguments reach the program", func(t *testing.T) {
		t.Parallel()
		c := runc(t, root, []string{"-y"})
		if got := c.reported().Args; !slices.Equal(got, []string{"/server", "-y"}) {
			t.Errorf("arguments %q", got)
		}
		if got := c.code(patience); got != 0 {
			t.Errorf("exit code %d, want 0; stderr:\n%s", got, c.stderr)
		}
	})
}

// scratchImage is the root of a debug image whose program is the target.
func scratchImage(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{layout.Dir, "/proc", "/dev"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(root, layout.Init), "github.com/dlvgen/dlvgen/cmd/dlvgen-init")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building init: %v\n%s", err, out)
	}
	p := servingPlan(proctest.FreeAddress(t))
	p.Production.Entrypoint, p.Program.Path = []string{"/server"}, "/server"
	p.Command[0], p.Command[slices.Index(p.Command, programs.target)] = layout.Delve, "/server"
	if err := os.CopyFS(filepath.Join(root, layout.Config), os.DirFS(filepath.Dir(writePlan(t, p)))); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(root, layout.Config, "plan.json"), filepath.Join(root, layout.Plan)); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{programs.delve: layout.Delve, programs.target: "/server"} {
		if err := os.Link(from, filepath.Join(root, to)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// containers counts those of this process.
var containers atomic.Int32

// runc runs argv as the command of a container whose entrypoint is init.
func runc(t *testing.T, root string, argv []string) *container {
	t.Helper()
	bundle := t.TempDir()
	config := map[string]any{
		"ociVersion": "1.0.2",
		"process": map[string]any{
			"user": map[string]int{"uid": 65532, "gid": 65532}, "cwd": "/",
			"args": append([]string{layout.Init}, argv...),
			"env":  []string{"PATH=/usr/bin:/bin"}, "noNewPrivileges": true,
		},
		"root": map[string]any{"path": root, "readonly": true},
		"mounts": []map[string]any{
			{"destination": "/proc", "type": "proc", "source": "proc"},
			{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
		},
		// The host's network, so that tests need set up none.
		"linux": map[string]any{"namespaces": []map[string]string{{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}}},
	}
	data, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprintf("dlvgen-init-%d-%d", os.Getpid(), containers.Add(1))
	state := filepath.Join(bundle, "state")
	return launchCommand(t, "", exec.Command("runc", "--root", state, "run", "--bundle", bundle, id))
}
