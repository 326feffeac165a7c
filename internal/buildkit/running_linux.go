package buildkit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// recordEnv is the variable of a child's environment that holds its record. It is
// there as soon as the child is: a file beside it could be missing or be another's.
const recordEnv = "DLVGEN_CHILD"

// record is what a child says of itself, as JSON.
type record struct {
	Started time.Time `json:"started"`
	launch
}

// running is a child that runs.
type running struct {
	*process
	record
	addr string
	env  []string // what dlvgen gave it: a wrapper in its place may have added more
}

// current returns the child, nil where none runs. It is found by its command line among
// all processes. The caller closes it.
func (c *Child) current() (*running, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("looking for BuildKit's process: %w", err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || !c.owns(pid) {
			continue
		}
		p, err := openProcess(pid)
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue
		}
		// Asked again now that the handle was taken: the pid may be a stranger's by now.
		if !c.owns(pid) {
			p.close()
			continue
		}
		return c.describe(p), nil
	}
	return nil, nil
}

// arguments are those that a child is started with.
func (c *Child) arguments() []string {
	return []string{"--config=" + c.configFile(), "--root=" + c.Root(), addrFlag + c.Addr()}
}

const addrFlag = "--addr="

// owns tells whether a process is the child: it has the child's arguments, but for
// the address, which follows the caller's environment, and sees the child's folder
// under that name. In a container there may be one that looks the same.
func (c *Child) owns(pid int) bool {
	args, want := ending(strings0(pid, "cmdline"), 3), c.arguments()
	if len(args) != len(want) || !slices.Equal(args[:2], want[:2]) || !strings.HasPrefix(args[2], addrFlag) {
		return false
	}
	here, err := os.Stat(c.dir)
	if err != nil {
		return false
	}
	there, err := os.Stat(fmt.Sprintf("/proc/%d/root%s", pid, c.dir))
	return err == nil && os.SameFile(here, there)
}

// describe reads what a child says of itself.
func (c *Child) describe(p *process) *running {
	r := &running{process: p, addr: c.Addr()}
	if args := ending(strings0(p.pid, "cmdline"), 1); len(args) == 1 {
		r.addr = strings.TrimPrefix(args[0], addrFlag)
	}
	for _, v := range strings0(p.pid, "environ") {
		switch name, value, _ := strings.Cut(v, "="); {
		case name == recordEnv:
			// One that cannot be read is out of date.
			_ = json.Unmarshal([]byte(value), &r.record)
		case name == pathEnv || name == tempEnv || name == runtimeEnv || slices.Contains(passed, name):
			r.env = append(r.env, v)
		}
	}
	return r
}

// socket is the file of the child's address.
func (r *running) socket() string { return strings.TrimPrefix(r.addr, "unix://") }

// strings0 are the strings of a file of /proc/PID, which each end in a NUL; none where
// it cannot be read.
func strings0(pid int, name string) []string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil || len(data) == 0 {
		return nil
	}
	var list []string
	for part := range bytes.SplitSeq(bytes.TrimSuffix(data, []byte{0}), []byte{0}) {
		list = append(list, string(part))
	}
	return list
}

// ending is the last n of a list, or all.
func ending(list []string, n int) []string { return list[max(0, len(list)-n):] }
