package session

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cluster"
)

func TestPortsOfAPod(t *testing.T) {
	p := &Pod{seen: &cluster.Pod{}}
	if err := json.Unmarshal([]byte(`{"spec": {
		"containers": [
			{"name": "app", "ports": [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}, {"containerPort": 8000, "name": "dlvgen"}]},
			{"name": "other", "ports": [{"containerPort": 81}, {"containerPort": 82}]},
			{"name": "app-debug", "ports": [{"containerPort": 8001, "name": "dlvgen"}]},
			{"name": "waits", "ports": [{"containerPort": 83}]}],
		"initContainers": [{"name": "first", "ports": [{"containerPort": 84}]}, {"name": "proxy", "ports": [{"containerPort": 85}]}]
	}, "status": {
		"containerStatuses": [{"name": "app", "state": {"running": {}}}, {"name": "other", "state": {"running": {}}}, {"name": "app-debug", "state": {"running": {}}}, {"name": "waits", "state": {"waiting": {}}}],
		"initContainerStatuses": [{"name": "first", "state": {"terminated": {}}}, {"name": "proxy", "state": {"running": {}}}]
	}}`), p.seen); err != nil {
		t.Fatal(err)
	}
	p.container.Name = "app"
	for port, want := range map[int]string{80: "app", 81: "other", 85: "proxy", 8001: "app-debug", 53: "", 83: "", 84: "", 8000: ""} {
		if got, debugger := p.listens(port); got != want || debugger != (port == 8001) {
			t.Errorf("the port %d is that of %q, %t, want %q", port, got, debugger, want)
		}
	}
	if got := p.FreePort(80); got != 83 {
		t.Errorf("the port %d is free", got)
	}
	if err := p.checkPort(8001); err == nil || !strings.Contains(err.Error(), "use it with -c app-debug") {
		t.Errorf("got %v", err)
	}
}
