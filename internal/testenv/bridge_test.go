package testenv

import (
	"net"
	"net/netip"
	"os/exec"
	"testing"
)

func TestTheBridgeOfAKilledProcessIsRemoved(t *testing.T) {
	Require(t, NeedRoot)
	dead := exec.CommandContext(t.Context(), "true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	stale, err := addBridge(bridgeName(dead.Process.Pid, 1), netip.MustParsePrefix("10.199.255.1/24"))
	if err != nil {
		t.Fatal(err)
	}
	own, err := newBridge()
	if err != nil {
		t.Fatal(err)
	}
	another, err := newBridge()
	if err != nil {
		t.Fatal(err)
	}
	if err := another.remove(); err != nil {
		t.Error(err)
	}
	if _, err := net.InterfaceByName(stale.name); err == nil {
		t.Errorf("%s is still there", stale.name)
	}
	if _, err := net.InterfaceByName(own.name); err != nil {
		t.Errorf("the new bridge: %v", err)
	}
	if err := own.remove(); err != nil {
		t.Error(err)
	}
}
