package delve_test

import (
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/variants/delve"
)

const flags = " --headless=true --api-version=2 --accept-multiclient"

func TestDebugger(t *testing.T) {
	for name, c := range map[string]struct {
		launch delve.Launch
		want   string
	}{
		"every address": {
			delve.Launch{Delve: "1.27.2", Listen: ":8000", GoVersion: "go1.26.8"},
			"/dlv --listen=:8000" + flags,
		},
		"loopback, where others than the user forward ports": {
			delve.Launch{Delve: "1.8.3", Listen: "127.0.0.1:4000", GoVersion: "go1.18.10"},
			"/dlv --listen=127.0.0.1:4000" + flags + " --only-same-user=false",
		},
		"a newer Delve than the Go asks for": {
			delve.Launch{Delve: "1.27.2", Listen: ":8000", GoVersion: "go1.21.13"},
			"/dlv --listen=:8000" + flags + " --check-go-version=false",
		},
		"a development toolchain": {
			delve.Launch{Delve: "1.27.2", Listen: ":8000", GoVersion: "go1.28-devel_abcdef"},
			"/dlv --listen=:8000" + flags + " --check-go-version=false",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(c.launch.Debugger("/dlv"), " "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestArgv(t *testing.T) {
	launch := delve.Launch{Delve: "1.25.2", Listen: ":8000", GoVersion: "go1.24.13", Program: "/app/server"}
	if got, want := strings.Join(launch.Argv("/dlv"), " "), "/dlv --listen=:8000"+flags+" exec /app/server"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	launch.Continue, launch.Args = true, []string{"-v", "--", "x"}
	if got, want := strings.Join(launch.Argv("/dlv"), " "), "/dlv --listen=:8000"+flags+" exec --continue /app/server -- -v -- x"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
