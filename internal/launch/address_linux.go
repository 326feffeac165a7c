package launch

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/procfs"
)

// probe tells whether the debugger could listen at an address, by listening there
// for a moment.
func probe(a procfs.Address) error {
	listener, err := net.Listen(a.Network, a.Listen)
	if err != nil {
		return err
	}
	return listener.Close()
}

// claim is the right to the debugger's address among the launchers of a network
// namespace, until the process ends or releases it.
type claim struct{ listener net.Listener }

// claimAddress claims the debugger's address. Launchers that start at the same time
// cannot find out by listening alone: one would take the address from another's
// debugger for the moment of its probe. A name in the kernel's abstract namespace
// belongs to one of them, and leaves no file behind.
func claimAddress(a procfs.Address) (claim, error) {
	listener, err := net.Listen("unix", "@dlvgen "+a.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return claim{}, fmt.Errorf("another instance has the debugger at %s", a.Listen)
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
