package docker

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"runtime"
	"slices"

	"github.com/moby/moby/client"
)

// Loopback is the address that only this machine reaches.
const Loopback = "127.0.0.1"

// Reach is how the ports of a container are reached.
type Reach struct {
	name string
	host string // where its engine publishes ports

	// published has the addresses of published TCP ports, by the port in the
	// container.
	published map[int][]netip.AddrPort

	// addresses are the container's own, in the order of its networks' names. Without
	// any it shares the network of the host or of another container.
	addresses  []netip.Addr
	sharesHost bool
	local      bool // the engine is on this machine
}

// NotRunningError says that a container exists and does not run.
type NotRunningError struct{ Name, State string }

func (e *NotRunningError) Error() string {
	return fmt.Sprintf("the container %s is not running, its state is %s: start it with `docker start %s`, or find out why with `docker logs %s`",
		e.Name, e.State, e.Name, e.Name)
}

// ReachOf reads how a container is reached from what the engine says of it. The error is a
// [*NotRunningError].
func (e *Engine) ReachOf(answer client.ContainerInspectResult) (*Reach, error) {
	seen := answer.Container
	r := &Reach{name: NameOf(answer), host: e.Host(), local: e.Local()}
	if seen.State != nil && !seen.State.Running {
		return nil, &NotRunningError{Name: r.name, State: string(seen.State.Status)}
	}
	if seen.HostConfig != nil {
		r.sharesHost = seen.HostConfig.NetworkMode.IsHost()
	}
	r.setNetwork(answer)
	return r, nil
}

// setNetwork takes over the published ports and the addresses.
func (r *Reach) setNetwork(answer client.ContainerInspectResult) {
	settings := answer.Container.NetworkSettings
	if settings == nil {
		return
	}
	r.published = map[int][]netip.AddrPort{}
	for port, bindings := range settings.Ports {
		for _, b := range bindings {
			public, err := netip.ParseAddrPort(net.JoinHostPort(addressOrAny(b.HostIP), b.HostPort))
			if err == nil && port.Proto() == "tcp" {
				r.published[int(port.Num())] = append(r.published[int(port.Num())], public)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(settings.Networks)) {
		if network := settings.Networks[name]; network != nil && network.IPAddress.IsValid() {
			r.addresses = append(r.addresses, network.IPAddress)
		}
	}
}

func addressOrAny(ip netip.Addr) string {
	if !ip.IsValid() {
		return netip.IPv4Unspecified().String()
	}
	return ip.String()
}

// Address is where a TCP port of the container is reached, with a note where that
// holds under a condition.
func (r *Reach) Address(port int) (host string, public int, note string, err error) {
	if bindings := r.published[port]; len(bindings) > 0 {
		// An address of IPv4, if there is one: that is what the loopback name means to most.
		slices.SortStableFunc(bindings, func(a, b netip.AddrPort) int { return a.Addr().BitLen() - b.Addr().BitLen() })
		b := bindings[0]
		if b.Addr().IsUnspecified() || b.Addr().IsLoopback() && r.host == Loopback && b.Addr().Is4() {
			return r.host, int(b.Port()), "", nil
		}
		return b.Addr().String(), int(b.Port()), "", nil
	}
	if r.sharesHost {
		return r.host, port, "", nil
	}
	if !r.local || len(r.addresses) == 0 {
		return "", 0, "", fmt.Errorf("the container %s does not publish port %d: run it with -p 127.0.0.1:%d:%d, or set the address of the debugger with --at HOST:PORT",
			r.name, port, port, port)
	}
	return r.addresses[0].String(), port,
		fmt.Sprintf("port %d of %s is not published: using the container's own address, which works on this machine only", port, r.name), nil
}

// Host is where ports are found that the engine publishes: the loopback address, or the host
// of an engine that is reached over the network.
func (e *Engine) Host() string { return hostOf(e.DaemonHost()) }

// Local says that the engine's containers are processes of this machine.
func (e *Engine) Local() bool { return e.Host() == Loopback && runtime.GOOS == "linux" }

func hostOf(daemon string) string {
	u, err := url.Parse(daemon)
	if err != nil || u.Scheme == "unix" || u.Scheme == "npipe" || u.Hostname() == "" {
		return Loopback
	}
	return u.Hostname()
}
