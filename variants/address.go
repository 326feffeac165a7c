package variants

import (
	"fmt"
	"math"
	"net"
	"regexp"
	"strconv"
	"strings"
)

// SplitAddress splits "host:port", of which the host may be empty. Anything but a name
// of a host or an IP address, and a port from 1 to 65535, is an error.
func SplitAddress(address string) (host string, port int, err error) {
	host, number, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("it must be host:port or :port, such as %q", DefaultListen)
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("the port must be a number from 1 to %d", math.MaxUint16)
	}
	if host != "" && !isHost(host) {
		return "", 0, fmt.Errorf("the host %q is neither a name nor an IP address", host)
	}
	return host, int(n), nil
}

// hostPattern is a name of a host, or a zone of an address of IPv6. Compose and
// Kubernetes know names with underscores too.
var hostPattern = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?$`)

func isHost(host string) bool {
	address, zone, zoned := strings.Cut(host, "%")
	if net.ParseIP(address) != nil {
		return !zoned || hostPattern.MatchString(zone)
	}
	return hostPattern.MatchString(host)
}
