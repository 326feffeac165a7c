package session

import (
	"testing"

	"github.com/dlvgen/dlvgen/internal/cluster"
	"github.com/dlvgen/dlvgen/internal/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

func TestADebuggerInAPodRunsAsWhoMayAttach(t *testing.T) {
	yes, uid, gid := true, int64(1000), int64(2000)
	var root int64
	for name, test := range map[string]struct {
		nonRoot *bool
		is      identity
		logs    string
		want    string // "" for nobody
	}{
		"another user":                    {nil, identity{user: &uid, group: &root}, "cannot be inspected: x; it runs as 1000:2000, and the debugger as 1000:0", "1000:2000"},
		"a program of root":               {nil, identity{user: &uid, group: &gid}, "it runs as 0:0, and the debugger as 1000:2000", "0:0"},
		"a program of root, without root": {&yes, identity{user: &uid, group: &gid}, "cannot be inspected; it runs as 0:0, and the debugger as 1000:2000", ""},
		"the same user under yama":        {nil, identity{user: &uid, group: &gid}, "could not attach to pid 1: operation not permitted", "0:0"},
		"the same user as Delve says it":  {nil, identity{user: &uid, group: &gid}, "Could not attach to pid 1: this could be caused by a kernel security setting, try writing \"0\" to /proc/sys/kernel/yama/ptrace_scope", "0:0"},
		"the same user, without root":     {&yes, identity{user: &uid, group: &gid}, "could not attach to pid 1: operation not permitted", ""},
		"without the capability":          {nil, identity{user: &uid, group: &gid, restricted: true}, "operation not permitted", ""},
		"root":                            {nil, identity{}, "operation not permitted", ""},
		"another failure":                 {nil, identity{user: &uid, group: &gid}, "no process is a Go program", ""},
	} {
		p := &Pod{seen: &cluster.Pod{}}
		p.seen.Spec.SecurityContext.RunAsNonRoot = test.nonRoot
		next, why, ok := p.after(test.is, test.logs)
		if ok != (test.want != "") || ok && (next.String() != test.want || why == "") {
			t.Errorf("%s: got %s because of %q, %t, want %q", name, next, why, ok, test.want)
		}
	}
}

func TestTheUserOfAnImage(t *testing.T) {
	for user, want := range map[string]string{
		"": "0:0", "root": "0:0", "0": "0:0", "root:root": "0:0", "0:7": "0:7", "1000": "1000", "1000:2000": "1000:2000", "nonroot": "65532", "nonroot:2000": "65532:2000",
	} {
		img, err := mutate.Config(empty.Image, v1.Config{User: user})
		if err != nil {
			t.Fatal(err)
		}
		p := &Pod{seen: &cluster.Pod{}, images: []registry.PlatformImage{{Image: img}}}
		is := p.program()
		if is.String() != want || is.guessed != (want[0] == '6') {
			t.Errorf("%q: the program runs as %s, guessed %t, want %s", user, is, is.guessed, want)
		}
	}
}
