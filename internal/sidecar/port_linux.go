package sidecar

import (
	"fmt"
	"net/netip"
	"syscall"
)

// port is one of loopback that Delve listens at. It stays bound, without listening: the kernel
// gives it to nobody else, and lets Delve listen at it.
type port struct {
	socket int
	addr   netip.AddrPort
}

func newPort() (port, error) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return port{}, fmt.Errorf("choosing a port for the debugger: %w", err)
	}
	addr, err := bind(socket)
	if err != nil {
		_ = syscall.Close(socket)
		return port{}, fmt.Errorf("choosing a port for the debugger: %w", err)
	}
	return port{socket, addr}, nil
}

// bind binds a socket to a port of loopback that the kernel chooses, which another one may share
// that does the same as this one: Go's listeners do.
func bind(socket int) (addr netip.AddrPort, err error) {
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return addr, err
	}
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return addr, err
	}
	name, err := syscall.Getsockname(socket)
	if err != nil {
		return addr, err
	}
	v4, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		return addr, fmt.Errorf("the kernel chose %v", name)
	}
	return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), uint16(v4.Port)), nil //nolint:gosec // a port
}

func (p port) close() { _ = syscall.Close(p.socket) }
