package buildkit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// plan is what a child would be started from now.
type plan struct {
	launch
	wrapper []string // what starts it, empty for root
	config  []byte
	env     []string
}

func (c *Child) plan() (*plan, error) {
	wrapper, err := c.wrapper(os.Geteuid())
	if err != nil {
		return nil, err
	}
	daemon, err := c.find("buildkitd")
	if err != nil {
		return nil, fmt.Errorf("no buildkitd next to dlvgen (%s) or on PATH: run `make build`, install BuildKit, or set --addr or BUILDKIT_HOST to a running one", c.besides)
	}
	runtime, err := c.find("buildkit-runc", "runc", "crun")
	if err != nil {
		return nil, errors.New("no runc on PATH, which BuildKit needs for build steps: install it (Debian, Ubuntu: apt-get install runc)")
	}
	config, digest, err := c.config(runtime, len(wrapper) > 0)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(daemon)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", daemon, err)
	}
	programs := append([]string{daemon, runtime}, wrapper...)
	if git, err := c.find("git"); err == nil { // only contexts from repositories need it
		programs = append(programs, git)
	}
	env := c.environment(programs...)
	if len(wrapper) > 0 {
		env = append(env, runtimeEnv+"="+c.runtimeDir())
	}
	return &plan{
		launch:  launch{Binary: daemon, ModTime: info.ModTime(), Config: digest},
		wrapper: wrapper,
		config:  config,
		env:     env,
	}, nil
}

// wrapper is what makes a user root in a namespace of its own, in which buildkitd may run:
// nothing for root.
func (c *Child) wrapper(uid int) ([]string, error) {
	if uid == 0 {
		return nil, nil
	}
	var missing []string
	for _, name := range []string{"rootlesskit", "newuidmap", "newgidmap"} {
		if _, err := c.find(name); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("starting BuildKit as user %d needs %s, which is not installed (Debian, Ubuntu: apt-get install rootlesskit uidmap): install it, run dlvgen with sudo, or set --addr or BUILDKIT_HOST to a running BuildKit",
			uid, strings.Join(missing, ", "))
	}
	program, err := c.find("rootlesskit")
	return []string{program}, err
}

// Startable says why no child can be started, nil where one can.
func (c *Child) Startable() error {
	_, err := c.plan()
	return err
}

// find returns the absolute path of the first of the names that exists beside
// dlvgen, on PATH or in the folders of the system's own programs, which a user's
// PATH often lacks.
func (c *Child) find(names ...string) (string, error) {
	for _, name := range names {
		for _, candidate := range []string{filepath.Join(c.besides, name), name, "/usr/local/sbin/" + name, "/usr/sbin/" + name, "/sbin/" + name} {
			if path, err := exec.LookPath(candidate); err == nil {
				return filepath.Abs(path)
			}
		}
	}
	return "", exec.ErrNotFound
}
