package launch

import (
	"net"
	"strconv"
	"strings"
)

// address is where Delve listens. The zero value is nowhere: init then does
// without Delve's help.
type address struct {
	// network is "tcp" or "unix".
	network string

	// dial holds the addresses at which init reaches it, to be tried in order.
	dial []string

	// port is the port of a tcp listener.
	port uint16

	// path is that of a unix listener.
	path string
}

// parseAddress reads a value of Delve's --listen: "HOST:PORT", ":PORT",
// "[::1]:PORT", "unix:PATH". A port that the kernel is to choose is nowhere.
func parseAddress(listen string) address {
	if path, ok := strings.CutPrefix(listen, "unix:"); ok {
		if path == "" {
			return address{}
		}
		return address{network: "unix", dial: []string{path}, path: path}
	}
	host, service, err := net.SplitHostPort(listen)
	if err != nil {
		return address{}
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil || port == 0 {
		return address{}
	}
	a := address{network: "tcp", port: uint16(port)}
	hosts := []string{host}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		// IPv6 may be missing or switched off, and so may IPv4.
		hosts = []string{"127.0.0.1", "::1"}
	}
	for _, h := range hosts {
		a.dial = append(a.dial, net.JoinHostPort(h, service))
	}
	return a
}

func (a address) nowhere() bool { return a.network == "" }
