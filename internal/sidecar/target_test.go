package sidecar

import (
	"io/fs"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/planfile"
)

// goProcess is a process of a Go program.
func goProcess(pid, parent int, exe, buildID, importPath string, args ...string) process {
	return process{
		pid: pid, parent: parent, exe: exe, args: append([]string{exe}, args...),
		program: &gobin.Facts{BuildID: buildID, Info: &debug.BuildInfo{Path: importPath}},
	}
}

func examplePlan() plan {
	var p plan
	p.Program.Path, p.Program.ImportPath, p.Program.BuildID = "/app/server", "example.com/server", "debug"
	p.Symbols = &planfile.Symbols{BuildID: "production"}
	return p
}

// None of these PIDs can be one of the machine's: they are above the kernel's limit
// (PID_MAX_LIMIT), so that looking at its tracer finds nobody.
const base = 5_000_000

func TestTargetIsTheProgramThatTheImageWasMadeFor(t *testing.T) {
	shell := process{pid: base + 1, exe: "/bin/sh", args: []string{"sh", "-c", "exec server"}, err: &gobin.FormatError{Kind: gobin.KindNotGo}}
	other := goProcess(base+2, 0, "/bin/other", "other", "example.com/other")
	byName := goProcess(base+3, 0, "/usr/bin/server", "x", "example.com/x")
	byPackage := goProcess(base+4, 0, "/srv/main", "y", "example.com/server")
	byDebugID := goProcess(base+5, 0, "/srv/.server.dlvgen", "debug", "")
	byID := goProcess(base+6, 0, "/srv/renamed", "production", "example.com/z")
	forbidden := process{pid: base + 7, exe: "", err: fs.ErrPermission}
	child := goProcess(base+9, base+8, "/srv/renamed", "production", "example.com/z", "-worker")
	between := process{pid: base + 8, parent: base + 6, exe: "/bin/sh", err: &gobin.FormatError{Kind: gobin.KindNotGo}}
	twin := goProcess(base+10, 0, "/srv/renamed", "production", "example.com/z", "-twin")
	unnamed := goProcess(base+11, 0, "/srv/a", "", "")

	for name, tt := range map[string]struct {
		args []string
		list []process
		want int      // offset of the PID
		says []string // parts of the error
	}{
		"by build id, before all else":    {nil, []process{shell, other, byName, byPackage, byID}, 6, nil},
		"by the debug program's build id": {nil, []process{byName, byPackage, byDebugID}, 5, nil},
		"by package, before the name":     {nil, []process{shell, other, byName, byPackage}, 4, nil},
		"by name":                         {nil, []process{shell, other, byName}, 3, nil},
		"of its own children the topmost": {nil, []process{child, between, byID, byName}, 6, nil},
		"beside one that is forbidden":    {nil, []process{forbidden, byID}, 6, nil},
		"several": {nil, []process{byID, twin}, 0, []string{
			"2 processes match: name one by its PID", "process 5000006 (/srv/renamed)", `process 5000010 (/srv/renamed) with arguments ["-twin"], package example.com/z`}},
		"none": {nil, []process{shell, other, unnamed}, 0, []string{
			"this image was made for /app/server (package example.com/server, build id production)", "no process runs it",
			"process 5000002 (/bin/other), package example.com/other", "process 5000011 (/srv/a)"}},
		"no Go program":            {nil, []process{shell}, 0, []string{"no process is a Go program", `process 5000001 (/bin/sh) with arguments ["-c" "exec server"]`}},
		"no process":               {nil, nil, 0, []string{"the PID namespace is not shared", "--pid container:NAME", "kubectl debug POD --target=CONTAINER"}},
		"all forbidden":            {nil, []process{other, forbidden}, 0, []string{"process 5000007 () cannot be inspected", "--cap-add SYS_PTRACE"}},
		"asked by PID":             {[]string{"5000002"}, []process{byID, other}, 2, nil},
		"asked by name":            {[]string{"other"}, []process{byID, other}, 2, nil},
		"asked by path":            {[]string{"/bin/other"}, []process{byID, other}, 2, nil},
		"asked by name, topmost":   {[]string{"renamed"}, []process{child, between, byID}, 6, nil},
		"asked by name, several":   {[]string{"renamed"}, []process{byID, twin}, 0, []string{"2 processes match"}},
		"asked, and not there":     {[]string{"5000009"}, []process{byID}, 0, []string{`no process matches "5000009"`, "process 5000006 (/srv/renamed)"}},
		"asked, and forbidden":     {[]string{"5000007"}, []process{byID, forbidden}, 0, []string{"cannot be inspected", "--cap-add SYS_PTRACE"}},
		"asked, and no Go program": {[]string{"sh"}, []process{byID, shell}, 0, []string{"process 5000001 (/bin/sh)", "cannot be debugged: it is an ELF file but not a Go program"}},
		"too many words":           {[]string{"5000002", "x"}, []process{other}, 0, []string{"2 arguments"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := examplePlan().target(tt.args, tt.list)
			if tt.says == nil {
				if err != nil || got.pid != base+tt.want {
					t.Errorf("got %v, %v; want process %d", got, err, base+tt.want)
				}
				return
			}
			for _, part := range tt.says {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("got %v, want %q in it", err, part)
				}
			}
		})
	}
}

// A program without a build id, or a plan without one, matches nothing by it.
func TestEmptyFactsAreNoMatch(t *testing.T) {
	list := []process{goProcess(base+1, 0, "/srv/a", "", ""), goProcess(base+2, 0, "/srv/b", "", "")}
	var p plan
	p.Program.Path = "/srv/b"
	if got, err := p.target(nil, list); err != nil || got.pid != base+2 {
		t.Errorf("got %v, %v; want the one of that name", got, err)
	}
}
