package gocall

import (
	"strings"
	"testing"
)

// parseAny reads a call of any kind, as a mode changes it.
func parseAny(t *testing.T, m Mode, goflags, line string) (Call, Rewrite) {
	t.Helper()
	command, _ := Cut(strings.Fields(line))
	if call, ok := Parse(command); ok {
		r, ok := call.Rewrite(m, "/go", goflags, 26)
		if !ok {
			t.Fatalf("go %s is not rewritten", line)
		}
		return call, r
	}
	call, ok := ParseUnkept(command)
	if !ok {
		t.Fatalf("go %s is not read", line)
	}
	r, ok := call.AsItIs(goflags, 26)
	if !ok || strings.Join(r.Args, " ") != line || r.Goflags != goflags {
		t.Fatalf("go %s became %q with GOFLAGS=%q", line, r.Args, r.Goflags)
	}
	return call, r
}

func TestPackagesAreCompiledAheadAsTheCallDoes(t *testing.T) {
	const none = ""
	for _, test := range []struct {
		mode          Mode
		goflags, line string
		want          string
	}{
		{Debug, "", "build -trimpath -ldflags=-s -o /server .", "build -gcflags=all=-N -l -pgo=off fmt"},
		{Debug, "", "-C x build -tags a -o y -v -mod=vendor", "build -C x -gcflags=all=-N -l -pgo=off -tags a -mod=vendor fmt"},
		{Debug, "", "build -gcflags=-m -asmflags=all=-S -asmflags=-v", "build -gcflags=all=-N -l -asmflags=all=-S -pgo=off fmt"},
		{Debug, "", "install -race -buildmode pie ./...", "build -gcflags=all=-N -l -pgo=off -race -buildmode pie fmt"},
		{Debug, "", "test -c -run X ./a", "build -gcflags=all=-N -l -pgo=off fmt"},
		{Debug, "-linkshared", "build", none},
		{Debug, "", "build -buildmode=plugin", none},
		{Debug, "", "build -cover -coverpkg=./...", none},
		{Symbols, "", "build -trimpath -gcflags=all=-l -ldflags=-s .", "build -toolexec='/go' dlvgen-toolexec 0 -trimpath -gcflags=all=-l fmt"},
		{Symbols, "", "build -a", none},
		{Symbols, "", "build -gcflags=-l", none},
		{Symbols, "-asmflags=-S", "build", none},
		{Symbols, "", "build -pgo=x.pgo", none},
		{Symbols, "", "build -pgo=off", "build -toolexec='/go' dlvgen-toolexec 0 -pgo=off fmt"},
		{Optimized, "", "build -ldflags=-s -trimpath", "build -trimpath fmt"},
		{production, "-trimpath", "vet -tags a ./...", "build -tags a fmt"},
		{production, "", "test -race -count=1 -v ./... -args -x", "build -race fmt"},
		{production, "", "run -mod=mod a.go b.go c", "build -mod=mod fmt"},
	} {
		call, r := parseAny(t, test.mode, test.goflags, test.line)
		words, ok := call.Ahead(r, []string{"fmt"})
		if got := strings.Join(words, " "); got != test.want || ok != (test.want != none) {
			t.Errorf("%s, go %s with GOFLAGS=%s: ahead %q, want %q", test.mode, test.line, test.goflags, got, test.want)
		}
		if _, ok := call.Ahead(r, nil); ok {
			t.Errorf("go %s compiles nothing ahead", test.line)
		}
	}
}

func TestCallsOfOneWayCompileTheStandardLibraryAlike(t *testing.T) {
	for _, test := range []struct {
		mode       Mode
		one        string
		otherMode  Mode
		otherFlags string
		other      string
		isTheSame  bool
	}{
		{mode: Debug, one: "build -trimpath -o a ./a", otherMode: Debug, other: "install -ldflags=-s ./b", isTheSame: true},
		{mode: Debug, one: "build", otherMode: Symbols, other: "build"},
		{mode: Debug, one: "build", otherMode: Debug, other: "build -race"},
		{mode: Symbols, one: "build -trimpath -ldflags=-s", otherMode: Debug, other: "vet ./...", otherFlags: "-trimpath", isTheSame: true},
		{mode: Symbols, one: "build -trimpath", otherMode: Symbols, other: "build"},
	} {
		_, one := parseAny(t, test.mode, "", test.one)
		_, other := parseAny(t, test.otherMode, test.otherFlags, test.other)
		if same := one.Way() == other.Way(); same != test.isTheSame {
			t.Errorf("%s go %s and %s go %s: %q and %q", test.mode, test.one, test.otherMode, test.other, one.Way(), other.Way())
		}
	}
}

func TestOtherCallsAreNotReadAhead(t *testing.T) {
	for _, line := range []string{"generate", "list -export", "run", "run x@v1.2.3", "vet -vettool x", "test -unknown x", "env"} {
		command, _ := Cut(strings.Fields(line))
		if call, ok := ParseUnkept(command); ok {
			t.Errorf("go %s: %+v", line, call)
		}
	}
	command, _ := Cut(strings.Fields("run a.go b"))
	if call, ok := ParseUnkept(command); !ok || len(call.Packages) != 1 || call.Packages[0] != "a.go" {
		t.Errorf("go run a.go b: %+v, %v", call, ok)
	}
}
