package bake

import (
	"maps"
	"strings"
	"testing"
)

func TestPasswordsOfTheGoCommandAreNotTold(t *testing.T) {
	var told []string
	h := &hostGo{tell: func(line string) { told = append(told, line) }, secrets: []string{"GOSUMDB"}}
	got := h.public(map[string]string{"GOPROXY": "https://a:hunter2@proxy.example,direct", "GOPRIVATE": "a.example", "GOSUMDB": "sum.example"})
	if want := map[string]string{"GOPRIVATE": "a.example"}; !maps.Equal(got, want) {
		t.Errorf("passed on are %v", got)
	}
	if len(told) != 1 || !strings.HasPrefix(told[0], "warning: GOPROXY of this machine's go command has a name or a password") || strings.Contains(told[0], "hunter2") {
		t.Errorf("told is %q", told)
	}
}
