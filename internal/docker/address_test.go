package docker

import (
	"net/netip"
	"strings"
	"testing"
)

func TestContainersPortIsReachedWhereItIsPublished(t *testing.T) {
	published := func(addrs ...string) map[int][]netip.AddrPort {
		var list []netip.AddrPort
		for _, a := range addrs {
			list = append(list, netip.MustParseAddrPort(a))
		}
		return map[int][]netip.AddrPort{8000: list}
	}
	own := []netip.Addr{netip.MustParseAddr("172.17.0.2")}
	for name, test := range map[string]struct {
		reach Reach
		host  string
		port  int
		noted bool
	}{
		"on loopback":         {Reach{host: Loopback, published: published("127.0.0.1:49153")}, "127.0.0.1", 49153, false},
		"everywhere":          {Reach{host: Loopback, published: published("[::]:49154", "0.0.0.0:49153")}, "127.0.0.1", 49153, false},
		"on one address":      {Reach{host: Loopback, published: published("192.0.2.1:8000")}, "192.0.2.1", 8000, false},
		"by a remote engine":  {Reach{host: "docker.example", published: published("0.0.0.0:8000")}, "docker.example", 8000, false},
		"the host's network":  {Reach{host: Loopback, local: true, sharesHost: true}, "127.0.0.1", 8000, false},
		"nowhere, on Linux":   {Reach{host: Loopback, local: true, addresses: own}, "172.17.0.2", 8000, true},
		"nowhere, in another": {Reach{host: "docker.example", addresses: own}, "", 0, false},
		"no network":          {Reach{host: Loopback, local: true}, "", 0, false},
	} {
		test.reach.name = "app"
		host, port, note, err := test.reach.Address(8000)
		if host != test.host || port != test.port || (note != "") != test.noted || (err == nil) != (test.host != "") {
			t.Errorf("%s: got %s, %d, note %q, %v", name, host, port, note, err)
		}
		if err != nil && !strings.Contains(err.Error(), "-p 127.0.0.1:8000:8000") {
			t.Errorf("%s: the error gives no advice: %v", name, err)
		}
	}
}

func TestHostOf(t *testing.T) {
	for daemon, want := range map[string]string{
		"unix:///var/run/docker.sock": Loopback, "npipe:////./pipe/docker_engine": Loopback,
		"tcp://docker.example:2376": "docker.example", "ssh://me@docker.example": "docker.example",
	} {
		if got := hostOf(daemon); got != want {
			t.Errorf("%s: got %s, want %s", daemon, got, want)
		}
	}
}
