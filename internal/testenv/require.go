package testenv

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// Need is a set of parts that a test cannot do without.
type Need int

// The parts.
const (
	// NeedRoot is being root.
	NeedRoot Need = 1 << iota
	// NeedBuildKit is a child buildkitd and the base images: root, runc, debootstrap, a static busybox.
	NeedBuildKit
	// NeedDocker is a Docker Engine: one that runs, or dockerd and root to start one.
	NeedDocker
)

// setupHint says how a machine gets everything that tests need.
const setupHint = "run `make setup` as root on Debian or Ubuntu"

// Require skips the test, with the reason, where a need is not met. With CI=true
// in the environment it fails instead.
func Require(t testing.TB, needs Need) {
	t.Helper()
	if err := needs.check(); err != nil {
		proctest.Missing(t, "%v; %s", err, setupHint)
	}
}

func (n Need) check() error {
	var errs []error
	if n&NeedRoot != 0 {
		errs = append(errs, checkRoot("this test"))
	}
	if n&NeedBuildKit != 0 {
		errs = append(errs, checkRoot("a child buildkitd"), checkPrograms("runc", "debootstrap", "busybox"))
	}
	if n&NeedDocker != 0 && runningEngine() == "" {
		errs = append(errs, checkRoot("dockerd"), checkPrograms("docker", "dockerd", "containerd"))
	}
	return errors.Join(errs...)
}

func checkRoot(who string) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%s needs root, and the user ID is %d", who, os.Geteuid())
	}
	return nil
}

func checkPrograms(names ...string) error {
	var missing []string
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("not on PATH: %s", strings.Join(missing, ", "))
	}
	return nil
}
