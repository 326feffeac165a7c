package gocall

import (
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/shim/link"
)

func TestValuesThatAreLinkedInAreRedacted(t *testing.T) {
	hash := link.Hash("main.k", "hunter2")
	for _, test := range []struct{ before, after string }{
		{"build|-ldflags=-s -X main.k=hunter2|.", "build|-ldflags=-s -X main.k=" + hash + "|."},
		{"build|-ldflags|-X=main.k=hunter2 -w", "build|-ldflags|-X=main.k=" + hash + " -w"},
		{"install|--ldflags=--X main.k=hunter2", "install|--ldflags=--X main.k=" + hash},
		{"build|-ldflags=-X 'main.k=hunter2'", "build|-ldflags=-X 'main.k=" + hash + "'"},
		{`build|-ldflags='-X=main.k=hunter2'`, "build|-ldflags=" + link.Hash("", "'-X=main.k=hunter2'")}, // the real go refuses it
		{`build|-ldflags=-s "-X=main.k=hunter2"`, `build|-ldflags=-s "-X=main.k=` + hash + `"`},
		{"build|-ldflags=all=-X main.k=hunter2", "build|-ldflags=all=-X main.k=" + hash},
		{"build|-ldflags=./cmd/...=-X main.k=hunter2|-ldflags|-X main.k=hunter2", "build|-ldflags=./cmd/...=-X main.k=" + hash + "|-ldflags|-X main.k=" + hash},
		{"-C|x|build|-ldflags=-X main.a= -X main.k=hunter2", "-C|x|build|-ldflags=-X main.a=" + link.Hash("main.a", "") + " -X main.k=" + hash},
		{"test|-c|-test.ldflags=-X main.k=hunter2|.", "test|-c|-test.ldflags=-X main.k=" + hash + "|."},
		{"build|-ldflags=-X hunter2", "build|-ldflags=-X " + link.Hash("", "hunter2")},
		{"build|-ldflags=-X main.k=hun ter2", "build|-ldflags=-X main.k=" + link.Hash("main.k", "hun") + " " + link.Hash("", "ter2")},
		{"build|-ldflags=-X 'main.k=hunter2", "build|-ldflags=" + link.Hash("", "-X 'main.k=hunter2")},
		{"build|-ldflags=-extldflags '-static -s' -X= -X", "build|-ldflags=-extldflags '-static -s' -X= -X"},
		{"build|-o|ldflags|-tags=X|-ldflags", "build|-o|ldflags|-tags=X|-ldflags"},
	} {
		if got := strings.Join(RedactArgs(strings.Split(test.before, "|")), "|"); got != test.after {
			t.Errorf("%s became\n%s, want\n%s", test.before, got, test.after)
		}
	}
	for _, test := range []struct {
		before, after string
		minor         int
	}{
		{"-trimpath '-ldflags=-s -X main.k=hunter2' -mod=mod", "-trimpath '-ldflags=-s -X main.k=" + hash + "' -mod=mod", 26},
		{"-ldflags=-X=main.k=hunter2", "-ldflags=-X=main.k=" + hash, 16},
		{"", "", 26},
		{"-ldflags=-X=main.k=hunter2 '", link.Hash("", "-ldflags=-X=main.k=hunter2 '"), 26},
	} {
		if got := RedactGoflags(test.before, test.minor); got != test.after {
			t.Errorf("GOFLAGS=%s became\n%s, want\n%s", test.before, got, test.after)
		}
	}
	if a, b := link.Hash("main.a", "x"), link.Hash("main.b", "x"); a == b {
		t.Error("one value has one hash in all variables: that they are the same is told")
	}
}
