package shim

import (
	"reflect"
	"strings"
	"testing"
)

func TestValuesThatAreLinkedInAreRedacted(t *testing.T) {
	hash := shortHash("main.k", "hunter2")
	for _, test := range []struct{ before, after string }{
		{"build|-ldflags=-s -X main.k=hunter2|.", "build|-ldflags=-s -X main.k=" + hash + "|."},
		{"build|-ldflags|-X=main.k=hunter2 -w", "build|-ldflags|-X=main.k=" + hash + " -w"},
		{"install|--ldflags=--X main.k=hunter2", "install|--ldflags=--X main.k=" + hash},
		{"build|-ldflags=-X 'main.k=hunter2'", "build|-ldflags=-X 'main.k=" + hash + "'"},
		{`build|-ldflags='-X=main.k=hunter2'`, "build|-ldflags=" + shortHash("", "'-X=main.k=hunter2'")}, // the real go refuses it
		{`build|-ldflags=-s "-X=main.k=hunter2"`, `build|-ldflags=-s "-X=main.k=` + hash + `"`},
		{"build|-ldflags=all=-X main.k=hunter2", "build|-ldflags=all=-X main.k=" + hash},
		{"build|-ldflags=./cmd/...=-X main.k=hunter2|-ldflags|-X main.k=hunter2", "build|-ldflags=./cmd/...=-X main.k=" + hash + "|-ldflags|-X main.k=" + hash},
		{"-C|x|build|-ldflags=-X main.a= -X main.k=hunter2", "-C|x|build|-ldflags=-X main.a=" + shortHash("main.a", "") + " -X main.k=" + hash},
		{"test|-c|-test.ldflags=-X main.k=hunter2|.", "test|-c|-test.ldflags=-X main.k=" + hash + "|."},
		{"build|-ldflags=-X hunter2", "build|-ldflags=-X " + shortHash("", "hunter2")},
		{"build|-ldflags=-X main.k=hun ter2", "build|-ldflags=-X main.k=" + shortHash("main.k", "hun") + " " + shortHash("", "ter2")},
		{"build|-ldflags=-X 'main.k=hunter2", "build|-ldflags=" + shortHash("", "-X 'main.k=hunter2")},
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
		{"-ldflags=-X=main.k=hunter2 '", shortHash("", "-ldflags=-X=main.k=hunter2 '"), 26},
	} {
		if got := redactGoflags(test.before, test.minor); got != test.after {
			t.Errorf("GOFLAGS=%s became\n%s, want\n%s", test.before, got, test.after)
		}
	}
	if a, b := shortHash("main.a", "x"), shortHash("main.b", "x"); a == b {
		t.Error("one value has one hash in all variables: that they are the same is told")
	}
}

func FuzzRedactedLdflagsKeepTheirNames(f *testing.F) {
	for _, value := range []string{
		"-X main.k=v", "-s -X=main.k=v", "'-X' 'main.k=v'", `all=-w "-X=main.k=a v"`, "-X main.k=a v", "-extldflags '-s' -X 'm.k=v",
		"-H v -X", "x=y=v", "-X=X", "-X '' -w", "-X=-X=-X",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		before, ok := readLinker(value)
		if !ok {
			return
		}
		for i, d := range before.definitions {
			if d != "" {
				before.definitions[i] = redactDefinition(d)
			}
		}
		for i, a := range before.args {
			before.args[i] = shortHash("", a)
		}
		after, ok := readLinker(redactLdflags(value))
		if !ok || !reflect.DeepEqual(before, after) {
			t.Errorf("%q became %q, which the linker reads as %+v, %v, want %+v", value, redactLdflags(value), after, ok, before)
		}
	})
}

func TestRecordsHoldNoValueThatIsLinkedIn(t *testing.T) {
	root := hello(t, nil)
	r := runGo(t, root, []string{"GOFLAGS=-ldflags=-X=main.w=hunter2"}, "build", "-ldflags=-s -X main.v=hunter2")
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	tree := describeTree(t, r.capture)
	if strings.Contains(tree, "hunter2") || !strings.Contains(tree, "main.v="+`\u003c`+"sha256:") {
		t.Errorf("the capture has\n%s", tree)
	}
}
