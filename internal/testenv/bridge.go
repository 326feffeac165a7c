package testenv

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/vishvananda/netlink"
)

// bridge is a network interface that containers are attached to.
type bridge struct {
	name   string
	prefix netip.Prefix
}

// bridgePrefix begins the name of every bridge; the process ID follows, and a number after a
// separator. The kernel's limit is 15 characters, and a process ID has up to 7.
const (
	bridgePrefix    = "dlv"
	bridgeSeparator = "."
)

// bridges counts those of this process.
var bridges atomic.Int32

// newBridge adds a bridge with a /24 of 10.200.0.0/16 that no interface of the
// machine uses.
func newBridge() (*bridge, error) {
	if err := removeStaleBridges(); err != nil {
		return nil, err
	}
	for n := range 256 {
		// Two processes that look at the same time must not find the same one.
		prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 200, byte(os.Getpid() + n), 1}), 24)
		used, err := inUse(prefix)
		if err != nil {
			return nil, fmt.Errorf("adding a bridge: %w", err)
		}
		if used {
			continue
		}
		return addBridge(bridgeName(os.Getpid(), bridges.Add(1)), prefix)
	}
	return nil, errors.New("adding a bridge: no free network in 10.200.0.0/16")
}

func bridgeName(pid int, n int32) string {
	return fmt.Sprint(bridgePrefix, pid, bridgeSeparator, n)
}

func addBridge(name string, prefix netip.Prefix) (*bridge, error) {
	link := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}}
	if err := netlink.LinkAdd(link); err != nil {
		return nil, fmt.Errorf("adding bridge %s: %w", name, err)
	}
	b := &bridge{name, prefix}
	addr, err := netlink.ParseAddr(prefix.String())
	if err == nil {
		err = netlink.AddrAdd(link, addr)
	}
	if err == nil {
		err = netlink.LinkSetUp(link)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("adding bridge %s: %w", name, err), b.remove())
	}
	return b, nil
}

// remove deletes the bridge.
func (b *bridge) remove() error {
	link, err := netlink.LinkByName(b.name)
	if err != nil {
		return fmt.Errorf("removing bridge %s: %w", b.name, err)
	}
	if err := netlink.LinkDel(link); err != nil {
		return fmt.Errorf("removing bridge %s: %w", b.name, err)
	}
	return nil
}

// removeStaleBridges deletes the bridges of processes that were killed.
func removeStaleBridges() error {
	links, err := netlink.LinkList()
	if err != nil {
		return fmt.Errorf("listing bridges: %w", err)
	}
	var errs []error
	for _, link := range links {
		suffix, ok := strings.CutPrefix(link.Attrs().Name, bridgePrefix)
		process, _, _ := strings.Cut(suffix, bridgeSeparator)
		pid, err := strconv.Atoi(process)
		if !ok || err != nil || link.Type() != "bridge" || lives(pid) {
			continue
		}
		errs = append(errs, (&bridge{name: link.Attrs().Name}).remove())
	}
	return errors.Join(errs...)
}

// inUse says whether an interface has an address in the network.
func inUse(prefix netip.Prefix) (bool, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false, err
	}
	for _, addr := range addrs {
		other, err := netip.ParsePrefix(addr.String())
		if err == nil && other.Overlaps(prefix.Masked()) {
			return true, nil
		}
	}
	return false, nil
}
