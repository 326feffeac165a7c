package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants/delve"
)

// TestNoCheckStopsAnother has one that never ends, and one that panics.
func TestNoCheckStopsAnother(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	results := run(proctest.Context(t), []check{
		{"stuck", func(context.Context) finding { <-release; return found("") }},
		{"broken", func(context.Context) finding { panic("no such index") }},
		{"late", func(ctx context.Context) finding { <-ctx.Done(); return failed("wait", "it is late\nand more") }},
		{"good", func(context.Context) finding { return found("see https://me:secret@example.com/x") }},
	}, 10*time.Millisecond, 100*time.Millisecond)
	for i, want := range []Result{
		{Name: "stuck", Status: Failed, Found: "it did not end within 10ms"},
		{Name: "broken", Status: Failed, Found: "it could not be checked: no such index"},
		{Name: "late", Status: Failed, Found: "it is late", Remedy: "wait"},
		{Name: "good", Status: OK},
	} {
		got := results[i]
		if want.Name == "good" {
			if strings.Contains(got.Found, "secret") {
				t.Errorf("a password is printed: %q", got.Found)
			}
			got.Found = ""
		}
		if got.Name != want.Name || got.Status != want.Status || got.Found != want.Found || got.Remedy != want.Remedy {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

// alone is a doctor without Docker Engine.
func alone(t *testing.T, o Options) *Doctor {
	t.Helper()
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(t.TempDir(), "none.sock"))
	d := New(o)
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestPtraceScope(t *testing.T) {
	for scope, want := range map[string]struct {
		status Status
		says   string
	}{
		"0\n": {OK, "is 0"}, "1\n": {OK, "is 1"}, "2\n": {Warning, "sysctl kernel.yama.ptrace_scope=1"},
		"3\n": {Failed, "restart the machine"}, "x\n": {Warning, `is "x"`}, "": {OK, "no Yama"},
	} {
		files := map[string]string{"version": "Linux"}
		if scope != "" {
			files["sys/kernel/yama/ptrace_scope"] = scope
		}
		wants(t, alone(t, Options{Proc: proctest.Files(t, files)}).checkPtraceScope(proctest.Context(t)), want.status, want.says)
	}
}

func TestAPortThatIsTaken(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatal(listener.Addr())
	}
	d := alone(t, Options{Port: address.Port})
	wants(t, d.checkPort(proctest.Context(t)), Warning, fmt.Sprintf("port %d of this machine is taken", address.Port), fmt.Sprintf("127.0.0.1:%d:8000", address.Port+1))
}

// TestDelveOfAnotherVersion has scripts that print what dlv does.
func TestDelveOfAnotherVersion(t *testing.T) {
	dir := proctest.Files(t, map[string]string{"go.mod": "module example.com/app\n\ngo 1.26\n"})
	for output, want := range map[string]struct {
		status Status
		says   string
	}{
		"Delve Debugger\nVersion: " + delve.Newest + "\nBuild: $Id: 0$": {OK, "dlv " + delve.Newest + " in PATH"},
		"Delve Debugger\nVersion: 1.20.1\nBuild: $Id: 0$":               {Warning, "debugs programs of Go up to go1.20, and go.mod here asks for go1.26"},
		"Delve Debugger\nVersion: 1.26.0\nBuild: $Id: 0$":               {Warning, "cmd/dlv@v" + delve.Newest},
		"something else": {Warning, "prints no version"},
		"":               {Warning, "is not in PATH"},
	} {
		bin := t.TempDir()
		if output != "" {
			script := "#!/bin/sh\ncat <<'END'\n" + output + "\nEND\n"
			if err := os.WriteFile(filepath.Join(bin, "dlv"), []byte(script), 0o755); err != nil { //nolint:gosec // a program
				t.Fatal(err)
			}
		}
		t.Setenv("PATH", bin+string(filepath.ListSeparator)+"/usr/bin:/bin")
		wants(t, alone(t, Options{Checkout: dir, Module: "example.com/app"}).checkDelve(proctest.Context(t)), want.status, want.says)
	}
}

// TestRegistries has one that refuses the login, one that never answers, and one that is good.
func TestRegistries(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer refusing.Close()
	refuses := strings.TrimPrefix(refusing.URL, "http://")
	silent := proctest.Silent(t, "tcp", "127.0.0.1:0", nil)
	config := proctest.Files(t, map[string]string{"config.json": `{"auths": {"` + refuses + `": {"auth": "bWU6c2VjcmV0"}}}`}) // me:secret
	t.Setenv("DOCKER_CONFIG", config)
	var tags []registry.Reference
	for _, host := range []string{refuses, silent} {
		ref, err := registry.Parse(host + "/app:v1")
		if err != nil {
			t.Fatal(err)
		}
		tags = append(tags, ref)
	}
	d := alone(t, Options{Tags: tags, Silence: 100 * time.Millisecond})
	results := run(proctest.Context(t), d.registryChecks(), checkLimit, checkGrace)
	if len(results) != 2 {
		t.Fatalf("%+v", results)
	}
	wants(t, results[0], Failed, "refused access (401 Unauthorized", `run "docker login `+refuses+`"`)
	wants(t, results[1], Failed, silent+" did not answer for 100ms", "check its address")
	for _, r := range results {
		if text := fmt.Sprintf("%+v", r); strings.Contains(text, "secret") || strings.Contains(text, "bWU6c2VjcmV0") {
			t.Errorf("a password is printed: %s", text)
		}
	}
	wants(t, alone(t, Options{}).registryChecks()[0].run(proctest.Context(t)), Skipped, "-t")
}

func TestProfilesOfKernels(t *testing.T) {
	for release, want := range map[string]string{"6.18.33-generic": "v6.18", "4.4.0": "v4.4", "5.10+": "v5.10", "x": ""} {
		if got := kernelVersion(release); got != want {
			t.Errorf("%s is %q, want %q", release, got, want)
		}
	}
}

func TestWhatACommandMeans(t *testing.T) {
	got := startup{
		words: []string{"/sbin/tini", "--", "server", "-v", "./bin/x"}, env: []string{"A=b", "PATH=/app:/bin"}, folder: "/srv",
	}.candidates()
	want := "/sbin/tini /srv/bin/x /app/server /bin/server"
	if strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
}
