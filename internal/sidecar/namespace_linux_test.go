package sidecar

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// As with docker run --pid container:NAME: the program is PID 1 of a PID namespace, in
// a root of its own where there is nothing else, and the sidecar comes to it.
func TestSidecarFindsPID1OfAContainer(t *testing.T) {
	t.Parallel()
	proctest.RequireRoot(t)
	root := t.TempDir()
	if err := os.Link(programs.production, filepath.Join(root, "server")); err != nil {
		t.Fatal(err)
	}
	container := exec.Command("/server")
	container.Dir = "/"
	container.SysProcAttr = &syscall.SysProcAttr{
		Chroot: root, Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS,
	}
	target := start(t, container, syscall.SIGKILL)
	target.beats()

	p := productionPlan(t)
	p.Program.Path = "/server"
	// unshare mounts the /proc of the namespace that nsenter has entered.
	sidecar := start(t, exec.Command("nsenter", "--target", strconv.Itoa(target.pid()), "--pid",
		"unshare", "--mount-proc", os.Args[0], asSidecar, writePlan(t, p), "all"), syscall.SIGKILL)
	stopAtLine(t, connect(t, sidecar, p.listen()), "target")
	sidecar.says(fmt.Sprintf("attaching to process 1 (%s)", filepath.Join(root, "server"))) // the root is this namespace's

	// nsenter passes no signals on.
	var init int
	await(t, func() bool { init = child(sidecar.pid()); return init != 0 }, "the sidecar's process")
	if err := syscall.Kill(init, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := sidecar.code(); got != 0 {
		t.Errorf("exit code %d, want 0", got)
	}
	target.beats()
}

// child is a child of a process.
func child(parent int) int {
	for _, pid := range namespace() {
		if descends(pid, parent) && pid != parent {
			return pid
		}
	}
	return 0
}
