package launch

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/procfs"
)

// probe tells whether the debugger could listen at an address, by having it for a
// moment. Nothing listens in that moment: a client that knocks until somebody opens
// would be connected to the probe, and lose that connection.
func probe(a procfs.Address) error {
	if a.Network == "unix" {
		if err := bind(syscall.AF_UNIX, &syscall.SockaddrUnix{Name: a.Path}); err != nil {
			return &net.OpError{Op: "listen", Net: a.Network, Addr: &net.UnixAddr{Name: a.Path, Net: a.Network}, Err: err}
		}
		return os.Remove(a.Path)
	}
	addr, err := net.ResolveTCPAddr(a.Network, a.Listen)
	if err != nil {
		return err
	}
	if err := bindTCP(addr); err != nil {
		return &net.OpError{Op: "listen", Net: a.Network, Addr: addr, Err: err}
	}
	return nil
}

// bindTCP takes the families that package net listens in: IPv6 and IPv4 at once for
// any address, or IPv4 alone where the machine has no IPv6 and "::" was not asked for.
func bindTCP(addr *net.TCPAddr) error {
	v4, v6 := &syscall.SockaddrInet4{Port: addr.Port}, &syscall.SockaddrInet6{Port: addr.Port}
	if addr.IP == nil || addr.IP.IsUnspecified() {
		err := bind(syscall.AF_INET6, v6)
		noIPv6 := errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)
		if noIPv6 && (addr.IP == nil || addr.IP.To4() != nil) {
			return bind(syscall.AF_INET, v4)
		}
		return err
	}
	if ip := addr.IP.To4(); ip != nil {
		copy(v4.Addr[:], ip)
		return bind(syscall.AF_INET, v4)
	}
	copy(v6.Addr[:], addr.IP)
	if link, err := net.InterfaceByName(addr.Zone); err == nil {
		v6.ZoneId = uint32(link.Index)
	}
	return bind(syscall.AF_INET6, v6)
}

// bind gives a new socket an address and closes it.
func bind(family int, addr syscall.Sockaddr) error {
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer func() { _ = syscall.Close(fd) }()
	if family != syscall.AF_UNIX {
		// As package net does: an address of connections that linger is free.
		err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	}
	if family == syscall.AF_INET6 && err == nil {
		err = syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, 0)
	}
	if err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	return os.NewSyscallError("bind", syscall.Bind(fd, addr))
}

// claim is the right to the debugger's address among the launchers of a network
// namespace, until the process ends or releases it.
type claim struct{ listener net.Listener }

// claimAddress claims the debugger's address. Launchers that start at the same time
// cannot find out by a probe alone: one would take the address from another's
// debugger for the moment of its probe. A name in the kernel's abstract namespace
// belongs to one of them, and leaves no file behind.
func claimAddress(a procfs.Address) (claim, error) {
	listener, err := net.Listen("unix", "@dlvgen "+a.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return claim{}, fmt.Errorf("another process already has the debugger at %s", a.Listen)
	}
	c := claim{listener}
	if err := probe(a); err != nil {
		c.release()
		return claim{}, fmt.Errorf("the debugger cannot listen: %w", err)
	}
	return c, nil
}

func (c claim) release() {
	if c.listener != nil {
		_ = c.listener.Close()
	}
}
