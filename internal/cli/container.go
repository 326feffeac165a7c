package cli

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"runtime"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/variants"
	engine "github.com/moby/moby/client"
)

// container is a running container of Docker Engine.
type container struct {
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

	// pid is the program's in the container, for an attach image.
	pid int
}

// notRunningError says that a container exists and does not run.
type notRunningError struct{ name, state string }

func (e *notRunningError) Error() string {
	return fmt.Sprintf("the container %s is not running, its state is %s: start it with `docker start %s`, or find out why with `docker logs %s`",
		e.name, e.state, e.name, e.name)
}

// runningContainer returns a container by name or id, nil where there is none.
func runningContainer(ctx context.Context, e *docker.Engine, name string) (*found, error) {
	answer, has, err := e.Container(ctx, name)
	if err != nil || !has {
		return nil, err
	}
	seen := answer.Container
	one := &container{name: strings.TrimPrefix(seen.Name, "/"), host: engineHost(e.DaemonHost()), pid: docker.FirstPID}
	one.local = one.host == loopback && runtime.GOOS == "linux"
	if seen.State != nil && !seen.State.Running {
		return nil, &notRunningError{name: one.name, state: string(seen.State.Status)}
	}
	if seen.HostConfig != nil {
		one.sharesHost = seen.HostConfig.NetworkMode.IsHost()
	}
	one.setNetwork(answer)
	got := &found{name: one.name, source: sourceContainer, container: one}
	if seen.Config != nil {
		got.labels = seen.Config.Labels
	}
	if labels, err := variants.ParseLabels(got.labels); err == nil && one.local && labels.Kind == variants.KindAttach {
		one.pid = e.ProgramPID(ctx, seen.ID, labels.Program)
	}
	return got, nil
}

// setNetwork takes over the published ports and the addresses.
func (c *container) setNetwork(answer engine.ContainerInspectResult) {
	settings := answer.Container.NetworkSettings
	if settings == nil {
		return
	}
	c.published = map[int][]netip.AddrPort{}
	for port, bindings := range settings.Ports {
		for _, b := range bindings {
			public, err := netip.ParseAddrPort(net.JoinHostPort(addressOrAny(b.HostIP), b.HostPort))
			if err == nil && port.Proto() == "tcp" {
				c.published[int(port.Num())] = append(c.published[int(port.Num())], public)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(settings.Networks)) {
		if network := settings.Networks[name]; network != nil && network.IPAddress.IsValid() {
			c.addresses = append(c.addresses, network.IPAddress)
		}
	}
}

func addressOrAny(ip netip.Addr) string {
	if !ip.IsValid() {
		return netip.IPv4Unspecified().String()
	}
	return ip.String()
}

// address is where a TCP port of the container is reached, with a note where that
// holds under a condition.
func (c *container) address(port int) (host string, public int, note string, err error) {
	if bindings := c.published[port]; len(bindings) > 0 {
		// An address of IPv4, if there is one: that is what the loopback name means to most.
		slices.SortStableFunc(bindings, func(a, b netip.AddrPort) int { return a.Addr().BitLen() - b.Addr().BitLen() })
		b := bindings[0]
		if b.Addr().IsUnspecified() || b.Addr().IsLoopback() && c.host == loopback && b.Addr().Is4() {
			return c.host, int(b.Port()), "", nil
		}
		return b.Addr().String(), int(b.Port()), "", nil
	}
	if c.sharesHost {
		return c.host, port, "", nil
	}
	if !c.local || len(c.addresses) == 0 {
		return "", 0, "", fmt.Errorf("the container %s does not publish port %d: run it with -p 127.0.0.1:%d:%d, or set the address of the debugger with --at HOST:PORT",
			c.name, port, port, port)
	}
	return c.addresses[0].String(), port,
		fmt.Sprintf("port %d of %s is not published: using the container's own address, which works on this machine only", port, c.name), nil
}

// engineHost is where ports are found that an engine publishes: the loopback address,
// or the host of an engine that is reached over the network.
func engineHost(daemon string) string {
	u, err := url.Parse(daemon)
	if err != nil || u.Scheme == "unix" || u.Scheme == "npipe" || u.Hostname() == "" {
		return loopback
	}
	return u.Hostname()
}

const loopback = "127.0.0.1"
