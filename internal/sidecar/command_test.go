package sidecar

import (
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/planfile"
)

func TestCommandLinesOfDelve(t *testing.T) {
	p := plan{planfile.Plan{Debugger: strings.Fields("/dlv --listen=:8000 --headless=true --api-version=2 --accept-multiclient --check-go-version=false --log")}}
	for _, tt := range []struct {
		got  []string
		want string
	}{
		{p.serving(17, "127.0.0.1:4000"), "/dlv --listen=127.0.0.1:4000 --headless=true --api-version=2 --accept-multiclient --check-go-version=false --log attach --continue 17"},
		{p.prompt("127.0.0.1:4001"), "/dlv connect 127.0.0.1:4001"},
	} {
		if got := strings.Join(tt.got, " "); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
	if got := p.listen(); got != ":8000" {
		t.Errorf("listens at %q", got)
	}
}

func TestDelveHasAConfigFolderOfItsOwn(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", "/home/x")
	t.Setenv("SIDECAR_TEST", "kept")
	env := delveEnv("/own")
	if !slices.Contains(env, "XDG_CONFIG_HOME=/own") || slices.Contains(env, "XDG_CONFIG_HOME=/home/x") || !slices.Contains(env, "SIDECAR_TEST=kept") {
		t.Errorf("environment %q", env)
	}
}
