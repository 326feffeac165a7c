package session

import (
	"fmt"
	"slices"

	"github.com/dlvgen/dlvgen/internal/kubernetes"
	"github.com/dlvgen/dlvgen/variants"
)

// podPort is that of an image's debugger, which a port-forward reaches on the loopback address of the
// pod too.
func (i Image) podPort() (int, error) {
	host, port, err := variants.SplitAddress(i.Labels.Listen)
	switch {
	case err != nil:
		return 0, fmt.Errorf("the debug image %s: %w", i.Ref, err)
	case host != "" && host != "0.0.0.0" && host != "::" && host != "127.0.0.1" && host != "::1" && host != "localhost":
		return 0, fmt.Errorf("the debugger of %s listens at %s, which no port-forward reaches: build it with --listen :%d", i.Ref, i.Labels.Listen, port)
	}
	return port, nil
}

// listens is the container that has a port, and runs, beside the debugger of the pod's own
// container. Its name is empty where there is none: nothing tells of ports that no manifest names.
// It may be a debugger itself.
func (p *Pod) listens(port int) (name string, debugger bool) {
	for _, c := range slices.Concat(p.seen.Spec.Containers, p.seen.Spec.InitContainers) {
		if _, status, _ := p.seen.Container(c.Name); status.State.Running == nil {
			continue
		}
		for _, one := range c.Ports {
			named := one.Name == kubernetes.PortName
			if one.ContainerPort == port && one.Protocol != "UDP" && one.Protocol != "SCTP" && (!named || c.Name != p.container.Name) {
				return c.Name, named
			}
		}
	}
	return "", false
}

// checkPort refuses a debugger whose port another container has: those of a pod share its network.
func (p *Pod) checkPort(port int) error {
	switch name, debugger := p.listens(port); {
	case debugger:
		return fmt.Errorf("the container %s of the pod %s is a debugger already: use it with -c %[1]s", name, p.seen.Metadata.Name)
	case name != "":
		return &Problem{
			Line:   fmt.Sprintf("the container %s of the pod %s has the port %d, at which the debugger would listen: build the debug image with --listen :PORT, and name it with --image", name, p.seen.Metadata.Name, port),
			Detail: "The containers of a pod share its network. `dlvgen debug --build` and `--derive` choose another port.",
		}
	}
	return nil
}

// FreePort is a port, or the next one that no container of the pod has.
func (p *Pod) FreePort(port int) int {
	for ; ; port++ {
		if name, _ := p.listens(port); name == "" {
			return port
		}
	}
}
