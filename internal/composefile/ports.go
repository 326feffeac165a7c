package composefile

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/variants"
	"github.com/dlvgen/dlvgen/variants/delve"
)

// ports knows which TCP ports are taken.
type ports struct {
	project *Project
	first   int // for debuggers

	// published are those on the host, inside those in the network of a service, by the name of
	// the service that has the network. The values say whose they are.
	published map[int]string
	inside    map[string]map[int]string

	reserved map[string]bool // services whose debuggers have the port where they must listen
}

// newPorts knows the ports of a project's services. The debuggers' are published from first on.
func newPorts(p *Project, first int) *ports {
	t := &ports{project: p, first: first, published: map[int]string{}, inside: map[string]map[int]string{}, reserved: map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(p.AllServices())) {
		s := &Service{p.AllServices()[name], p}
		owner, mode := s.mode()
		for _, port := range s.Ports {
			if port.Protocol != "" && port.Protocol != "tcp" {
				continue
			}
			t.claim(owner, int(port.Target), "service "+name)
			for _, n := range portRange(port.Published) {
				t.published[n] = "service " + name
			}
		}
		for _, text := range s.Expose {
			if number, protocol, _ := strings.Cut(text, "/"); protocol == "" || protocol == "tcp" {
				for _, n := range portRange(number) {
					t.claim(owner, n, "service "+name)
				}
			}
		}
		if mode == hostNetwork {
			for n := range t.inside[owner] {
				t.published[n] = "service " + name
			}
		}
	}
	return t
}

func (t *ports) claim(owner string, port int, who string) {
	if t.inside[owner] == nil {
		t.inside[owner] = map[int]string{}
	}
	t.inside[owner][port] = cmp.Or(t.inside[owner][port], who)
}

// portRange are the ports of "8000" or "8000-8010", none for another text.
func portRange(text string) (list []int) {
	from, to, isRange := strings.Cut(text, "-")
	if !isRange {
		to = from
	}
	first, err := strconv.ParseUint(from, 10, 16)
	last, err2 := strconv.ParseUint(to, 10, 16)
	if err != nil || err2 != nil {
		return nil
	}
	for n := first; n <= last; n++ {
		list = append(list, int(n))
	}
	return list
}

// publish is a port of the host that nobody has, for the debugger of a service. If that may have
// to listen on the same port, nobody has it in the service's network either.
func (t *ports) publish(owner, who string, fixed bool) (int, error) {
	for n := t.first; n <= math.MaxUint16; n++ {
		if t.published[n] == "" && (fixed || t.inside[owner][n] == "") {
			t.published[n] = "the debugger of service " + who
			return n, nil
		}
	}
	return 0, fmt.Errorf("service %s: no port is left for its debugger: choose a lower --port", who)
}

// likely says that the service seems to listen on a port, by its environment and its command.
func (s *Service) likely(port int) bool {
	var env []string
	for name, value := range s.Environment {
		if value != nil {
			env = append(env, name+"="+*value)
		}
	}
	return variants.Listens(env, slices.Concat(s.Entrypoint, s.Command), port)
}

// place is where the debugger of a service listens, and is published.
type place struct {
	owner  string // service that publishes the port, empty where the network is the host's
	host   string // that it listens on
	inside int    // port in the container
	public int    // port of the host
}

// String is the address for clients.
func (p place) String() string { return fmt.Sprintf("%s:%d", loopback, p.public) }

// listen is the address of the listener, for DLVGEN_LISTEN.
func (p place) listen() string { return fmt.Sprintf("%s:%d", p.host, p.inside) }

// mapping publishes the port on the loopback address.
func (p place) mapping() string { return fmt.Sprintf("%s:%d:%d", loopback, p.public, p.inside) }

const (
	loopback    = "127.0.0.1"
	hostNetwork = "host" // network_mode
)

// place finds one for the debugger of a service. address is where it listens if that can be, and
// fixed where it must be that. moved says that the image needs the port itself.
func (t *ports) place(s *Service, address string, fixed, moved bool) (place, error) {
	if fixed {
		if err := t.reserve(s, address); err != nil {
			return place{}, err
		}
	}
	host, port, err := variants.SplitAddress(address)
	if err != nil {
		return place{}, fmt.Errorf("service %s: its debugger listens on %q: %w", s.Name, address, err)
	}
	owner, mode := s.mode()
	at := place{owner: owner, host: host, inside: port, public: port}
	switch {
	case mode == hostNetwork && fixed:
		at.owner = ""
		return at, nil
	case mode == hostNetwork:
		at.owner, at.host = "", loopback
	case delve.IsLoopback(host):
		return place{}, fmt.Errorf("service %s: its debugger listens on %s in its container, where no published port leads: build with --listen :PORT", s.Name, host)
	}
	if at.public, err = t.publish(owner, s.Name, fixed); err != nil {
		return place{}, err
	}
	if !fixed && (mode == hostNetwork || t.inside[owner][port] != "" || moved || s.likely(port)) {
		at.inside = at.public
	}
	t.claim(owner, at.inside, "the debugger of service "+s.Name)
	return at, nil
}

// reserve takes the port where a debugger must listen. It is done ahead of the places of others.
func (t *ports) reserve(s *Service, address string) error {
	_, port, err := variants.SplitAddress(address)
	if err != nil || t.reserved[s.Name] {
		return nil //nolint:nilerr // place says what is wrong
	}
	owner, mode := s.mode()
	taken, where := t.inside[owner][port], ""
	if mode == hostNetwork && t.published[port] != "" {
		taken, where = t.published[port], " of the host"
	}
	if taken != "" {
		return fmt.Errorf("service %s: its debugger would listen on port %d%s, which %s has: build with --listen :PORT", s.Name, port, where, taken)
	}
	t.reserved[s.Name] = true
	who := "the debugger of service " + s.Name
	t.claim(owner, port, who)
	if mode == hostNetwork {
		t.published[port] = who
	}
	return nil
}
