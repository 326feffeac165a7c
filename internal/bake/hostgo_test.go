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
	for value, want := range map[string]bool{"a:hunter2@proxy.example": true, "https://proxy.example|hunter2@proxy.example/go": true, "hunter2@localhost:3000": true, "https://proxy.example/a@b,direct": false, "a@b": false} {
		if credentials.MatchString(value) != want {
			t.Errorf("%q has credentials: %v", value, !want)
		}
	}
	if len(told) != 1 || !strings.HasPrefix(told[0], "warning: GOPROXY of this machine's go command has a name or a password") || strings.Contains(told[0], "hunter2") {
		t.Errorf("told is %q", told)
	}
}
