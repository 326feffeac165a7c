package cli

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
		container container
		host      string
		port      int
		noted     bool
	}{
		"on loopback":         {container{host: loopback, published: published("127.0.0.1:49153")}, "127.0.0.1", 49153, false},
		"everywhere":          {container{host: loopback, published: published("[::]:49154", "0.0.0.0:49153")}, "127.0.0.1", 49153, false},
		"on one address":      {container{host: loopback, published: published("192.0.2.1:8000")}, "192.0.2.1", 8000, false},
		"by a remote engine":  {container{host: "docker.example", published: published("0.0.0.0:8000")}, "docker.example", 8000, false},
		"the host's network":  {container{host: loopback, local: true, sharesHost: true}, "127.0.0.1", 8000, false},
		"nowhere, on Linux":   {container{host: loopback, local: true, addresses: own}, "172.17.0.2", 8000, true},
		"nowhere, in another": {container{host: "docker.example", addresses: own}, "", 0, false},
		"no network":          {container{host: loopback, local: true}, "", 0, false},
	} {
		test.container.name = "app"
		host, port, note, err := test.container.address(8000)
		if host != test.host || port != test.port || (note != "") != test.noted || (err == nil) != (test.host != "") {
			t.Errorf("%s: got %s, %d, note %q, %v", name, host, port, note, err)
		}
		if err != nil && !strings.Contains(err.Error(), "-p 127.0.0.1:8000:8000") {
			t.Errorf("%s: the error gives no advice: %v", name, err)
		}
	}
}

func TestEngineHost(t *testing.T) {
	for daemon, want := range map[string]string{
		"unix:///var/run/docker.sock": loopback, "npipe:////./pipe/docker_engine": loopback,
		"tcp://docker.example:2376": "docker.example", "ssh://me@docker.example": "docker.example",
	} {
		if got := engineHost(daemon); got != want {
			t.Errorf("%s: got %s, want %s", daemon, got, want)
		}
	}
}
