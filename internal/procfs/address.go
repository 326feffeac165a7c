package procfs

import (
	"net"
	"strconv"
	"strings"
)

// Address is where a debugger listens. The zero value is nowhere.
type Address struct {
	// Network is "tcp" or "unix".
	Network string

	// Listen is what to listen at, as package net takes it.
	Listen string

	// Dial holds the addresses at which to reach it from the same network
	// namespace, to be tried in order.
	Dial []string

	// Port is the port of a tcp listener.
	Port uint16

	// Path is that of a unix listener.
	Path string
}

// ParseAddress reads a value of Delve's --listen: "HOST:PORT", ":PORT",
// "[::1]:PORT", "unix:PATH". A port that the kernel is to choose is nowhere.
func ParseAddress(listen string) Address {
	if path, ok := strings.CutPrefix(listen, "unix:"); ok {
		if path == "" {
			return Address{}
		}
		return Address{Network: "unix", Listen: path, Dial: []string{path}, Path: path}
	}
	host, service, err := net.SplitHostPort(listen)
	if err != nil {
		return Address{}
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil || port == 0 {
		return Address{}
	}
	a := Address{Network: "tcp", Listen: listen, Port: uint16(port)}
	hosts := []string{host}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		// IPv6 may be missing or switched off, and so may IPv4.
		hosts = []string{"127.0.0.1", "::1"}
	}
	for _, h := range hosts {
		a.Dial = append(a.Dial, net.JoinHostPort(h, service))
	}
	return a
}

// Nowhere tells whether there is no address to reach the debugger at.
func (a Address) Nowhere() bool { return a.Network == "" }
