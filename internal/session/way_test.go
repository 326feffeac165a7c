package session

import (
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/variants"
)

func TestTheLeastIntrusiveWayIsTaken(t *testing.T) {
	for name, test := range map[string]struct {
		situation Situation
		want      Way
		problem   string // in the error
	}{
		"production":                  {Situation{}, WaySidecar, ""},
		"production, to be replaced":  {Situation{Replace: true}, WayReplace, ""},
		"a remote image":              {Situation{Kind: variants.KindRemote}, WayConnect, ""},
		"a sidecar itself":            {Situation{Kind: variants.KindSidecar}, WayConnect, ""},
		"an attach image":             {Situation{Kind: variants.KindAttach}, WayAttach, ""},
		"an attach image, replaced":   {Situation{Kind: variants.KindAttach, Replace: true}, WayReplace, ""},
		"a remote image, replaced":    {Situation{Kind: variants.KindRemote, Replace: true}, "", "leave --replace out"},
		"a given sidecar":             {Situation{Given: variants.KindSidecar}, WaySidecar, ""},
		"a given remote image":        {Situation{Given: variants.KindRemote, GivenName: "x"}, "", "with --replace"},
		"replaced by a sidecar":       {Situation{Given: variants.KindSidecar, Replace: true}, "", "name a remote variant"},
		"stopped":                     {Situation{State: "exited"}, "", "docker start app"},
		"stopped, to be replaced":     {Situation{State: "exited", Replace: true}, WayReplace, ""},
		"in gVisor":                   {Situation{Sandbox: "runsc"}, "", "--replace"},
		"in gVisor, to be replaced":   {Situation{Sandbox: "runsc", Replace: true}, WayReplace, ""},
		"a pod":                       {Situation{Pod: true}, WaySidecar, ""},
		"a pod of a remote image":     {Situation{Pod: true, Kind: variants.KindRemote}, WayConnect, ""},
		"a pod of an attach image":    {Situation{Pod: true, Kind: variants.KindAttach}, WayAttach, ""},
		"a pod, to be replaced":       {Situation{Pod: true, Replace: true}, "", "dlvgen kube"},
		"a pod that does not run":     {Situation{Pod: true, State: "CrashLoopBackOff"}, "", "app does not run: CrashLoopBackOff"},
		"a pod and a remote image":    {Situation{Pod: true, Given: variants.KindRemote, GivenName: "x"}, "", "dlvgen kube"},
		"tests":                       {Situation{Kind: variants.KindTest}, WayConnect, ""},
		"tests, replaced":             {Situation{Kind: variants.KindTest, Replace: true}, "", "leave --replace out"},
		"tests, not running":          {Situation{Image: true, Kind: variants.KindTest}, WayRun, ""},
		"replaced by tests":           {Situation{Given: variants.KindTest, GivenName: "x", Replace: true}, "", "name a remote variant"},
		"an image":                    {Situation{Image: true}, WayRun, ""},
		"a remote image, not running": {Situation{Image: true, Kind: variants.KindRemote}, WayRun, ""},
		"a sidecar's image":           {Situation{Image: true, Kind: variants.KindSidecar}, "", "name its production image"},
		"an image, replaced":          {Situation{Image: true, Replace: true}, "", "leave it out"},
	} {
		test.situation.Name = "app"
		got, why, err := test.situation.Choose()
		if got != test.want || (err == nil) != (test.problem == "") || err == nil && why == "" {
			t.Errorf("%s: got %q because of %q, %v", name, got, why, err)
		}
		if err != nil && !strings.Contains(err.Error(), test.problem) {
			t.Errorf("%s: the error lacks %q: %v", name, test.problem, err)
		}
	}
}

func TestWhatADebuggerSaidIsExplained(t *testing.T) {
	for logs, want := range map[string]string{
		"dlvgen: 2 processes match: name one by its PID; they are\n  process 1 (/a)": "several processes of app may be meant: choose one with --pid",
		"dlvgen: this image was made for /a, and no process is a Go program":         "app runs no Go program",
		"dlvgen: process 1 (/a) is already traced by process 7 (dlv)":                "has a debugger already",
		"Could not attach to pid 1: current user does not own the process":           "the kernel forbids",
		"Could not attach to pid 1: operation not permitted":                         "the kernel forbids",
		"dlvgen: process 1 (/a) cannot be inspected: give it the capability":         "the kernel forbids",
		"could not attach to pid 1: function not implemented":                        "is emulated",
		"anything\x1b[2J": "the debugger of app has ended with exit code 3",
	} {
		err := onEngine.explain("app", logs, 3)
		problem, ok := err.(*Problem) //nolint:errorlint // as it is returned
		if !ok || !strings.Contains(problem.Line, want) || strings.Contains(problem.Line, "\n") || strings.Contains(problem.Detail, "\x1b") {
			t.Errorf("%q: got %v, want %q", logs, err, want)
		}
		first, _, _ := strings.Cut(logs, "\x1b")
		if !strings.Contains(problem.Details(), first) {
			t.Errorf("%q: the details are %q", logs, problem.Details())
		}
	}
}
