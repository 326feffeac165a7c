package shim

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/shim/shimtest"
)

func TestCallsThatCompileDifferentlyAreAllRecorded(t *testing.T) {
	root, capture := hello(t, nil), t.TempDir()
	for _, call := range []struct{ env, ldflags string }{
		{"CGO_ENABLED=1", "-buildid="}, {"CGO_ENABLED=0", "-buildid="}, {"CGO_ENABLED=0", "-buildid= -X main.v=1"}, {"CGO_ENABLED=0", "-buildid= -X main.v=2"},
	} {
		r := runGo(t, root, []string{call.env, shimtest.Capture + "=" + capture}, "build", "-ldflags="+call.ldflags, "-o", "bin/app")
		if r.Code != 0 {
			t.Fatalf("%v: exit code %d: %s", call, r.Code, r.Stderr)
		}
	}
	records, err := filepath.Glob(filepath.Join(ownFolder(capture), "builds", "*.json"))
	if err != nil || len(records) != 4 {
		t.Errorf("4 calls left the records %q, %v", records, err)
	}
}

func TestRecordsHoldNoValueThatIsLinkedIn(t *testing.T) {
	root := hello(t, nil)
	r := runGo(t, root, []string{"GOFLAGS=-ldflags=-X=main.w=hunter2"}, "build", "-ldflags=-s -X main.v=hunter2")
	if r.Code != 0 || r.Stderr != "" {
		t.Fatalf("exit code %d: %s", r.Code, r.Stderr)
	}
	tree := describeTree(t, r.capture)
	if strings.Contains(tree, "hunter2") || !strings.Contains(tree, "main.v="+`\u003c`+"sha256:") {
		t.Errorf("the capture has\n%s", tree)
	}
}
