package kubernetes

import (
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/dlvgen/dlvgen/variants"
	"github.com/dlvgen/dlvgen/variants/delve"
)

// PortName is the name of a debugger's port in manifests.
const PortName = "dlvgen"

// startVariable says how a program starts (docs/deploy.md).
const startVariable = "DLVGEN_START"

// manyFailures is the threshold of a probe that no breakpoint is to reach: a day, as a probe
// is made each second at most.
const manyFailures = 24 * 60 * 60

// Image is a debug image.
type Image struct {
	Ref    string
	Kind   variants.Kind
	Entry  variants.Entry
	Listen string // "host:port" with an optional host
}

// Options are how containers are debugged.
type Options struct {
	// Start is how programs start, empty for as the manifests say, or else at once.
	Start string

	// User is the UID of sidecars. Nil takes that of the container, where it has one. Group
	// is their GID: nil leaves it to the sidecar's image.
	User, Group *int64

	// Restricted has sidecars keep to the Pod Security level "restricted", which allows no
	// capability: they may debug processes of their own UID and GID then, where the node's
	// kernel.yama.ptrace_scope is 0.
	Restricted bool
}

// NoUserError says that a sidecar must not run as root, and that nothing says the UID of what
// it debugs.
type NoUserError struct{ Container, Workload string }

func (e *NoUserError) Error() string {
	return fmt.Sprintf("container %s of %s has runAsNonRoot and no runAsUser, so the sidecar needs the UID of the program: add --user UID", e.Container, e.Workload)
}

// podPatch is what is changed of a pod's specification.
type podPatch struct {
	ShareProcessNamespace bool             `yaml:"shareProcessNamespace,omitempty"`
	Containers            []containerPatch `yaml:"containers,omitempty"`
	InitContainers        []containerPatch `yaml:"initContainers,omitempty"`
}

type containerPatch struct {
	Name            string         `yaml:"name"`
	Image           string         `yaml:"image,omitempty"`
	Env             []variable     `yaml:"env,omitempty"`
	Ports           []port         `yaml:"ports,omitempty"`
	LivenessProbe   *probe         `yaml:"livenessProbe,omitempty"`
	ReadinessProbe  *probe         `yaml:"readinessProbe,omitempty"`
	StartupProbe    *probe         `yaml:"startupProbe,omitempty"`
	SecurityContext *securityPatch `yaml:"securityContext,omitempty"`
}

type securityPatch struct {
	RunAsUser    *int64        `yaml:"runAsUser,omitempty" json:"runAsUser,omitempty"`
	RunAsGroup   *int64        `yaml:"runAsGroup,omitempty" json:"runAsGroup,omitempty"`
	Capabilities *capabilities `yaml:"capabilities,omitempty" json:"capabilities,omitempty"`

	RunAsNonRoot             *bool           `yaml:"runAsNonRoot,omitempty" json:"runAsNonRoot,omitempty"`
	AllowPrivilegeEscalation *bool           `yaml:"allowPrivilegeEscalation,omitempty" json:"allowPrivilegeEscalation,omitempty"`
	SeccompProfile           *seccompProfile `yaml:"seccompProfile,omitempty" json:"seccompProfile,omitempty"`
}

type capabilities struct {
	Add  []string `yaml:"add,omitempty" json:"add,omitempty"`
	Drop []string `yaml:"drop,omitempty" json:"drop,omitempty"`
}

type seccompProfile struct {
	Type string `yaml:"type" json:"type"`
}

// restrict has it keep to the Pod Security level "restricted".
func (s *securityPatch) restrict() {
	yes, no := true, false
	s.Capabilities = &capabilities{Drop: []string{"ALL"}}
	s.RunAsNonRoot, s.AllowPrivilegeEscalation = &yes, &no
	s.SeccompProfile = &seccompProfile{"RuntimeDefault"}
}

// withPtrace adds the capability to debug the processes of others, and one's own where the
// node's kernel.yama.ptrace_scope forbids that.
func withPtrace(has capabilities) *capabilities {
	const ptrace = "SYS_PTRACE"
	if slices.Contains(has.Add, ptrace) || slices.Contains(has.Add, "ALL") {
		return &capabilities{Add: has.Add}
	}
	return &capabilities{Add: append(slices.Clip(has.Add), ptrace)}
}

// Debug changes the workload so that a container of that name is debugged with the image. The
// warnings are what the user should know of it.
func (w *Workload) Debug(name string, img Image, o Options) (warnings []string, err error) {
	c, initial, err := w.find(name)
	if err != nil {
		return nil, err
	}
	// A debugger stops the program, wherever it runs itself.
	patch := containerPatch{Name: c.Name, LivenessProbe: relaxed(c.LivenessProbe), ReadinessProbe: relaxed(c.ReadinessProbe), StartupProbe: relaxed(c.StartupProbe)}
	listener := &patch
	switch img.Kind {
	case variants.KindSidecar:
		if initial && c.RestartPolicy != "Always" {
			return nil, fmt.Errorf("container %s of %s is an init container, and has ended when its sidecar starts: choose the variant remote", c.Name, w)
		}
		if listener, err = w.sidecar(c, img, o); err != nil {
			return nil, err
		}
	case variants.KindAttach:
		patch.Image, patch.SecurityContext = img.Ref, &securityPatch{Capabilities: withPtrace(c.SecurityContext.Capabilities)}
		listener = nil // until somebody starts it
	default:
		if err := w.replaced(c, img, o, &patch); err != nil {
			return nil, err
		}
	}
	if listener != nil {
		if listener.Ports, err = w.listen(img); err != nil {
			return nil, err
		}
		if host, _, _ := net.SplitHostPort(img.Listen); w.pod.HostNetwork && !delve.IsLoopback(host) {
			warnings = append(warnings, fmt.Sprintf("%s uses the network of its node, so whoever reaches the node reaches the debugger, which has no password: build it with --listen 127.0.0.1:PORT", w))
		}
	}
	if initial {
		w.patch.InitContainers = append(w.patch.InitContainers, patch)
	} else {
		w.patch.Containers = append(w.patch.Containers, patch)
	}
	if img.Kind == variants.KindSidecar {
		w.patch.Containers = append(w.patch.Containers, *listener)
		w.patch.ShareProcessNamespace = true
	}
	return warnings, nil
}

// replaced runs the debug image in production's place.
func (w *Workload) replaced(c container, img Image, o Options, patch *containerPatch) error {
	if len(c.Command) > 0 && img.Entry != variants.EntryInplace {
		return fmt.Errorf("container %s of %s has a command, which would start the program without the debugger: build %s with --entry=inplace", c.Name, w, img.Ref)
	}
	patch.Image = img.Ref
	at := slices.IndexFunc(c.Env, func(v variable) bool { return v.Name == startVariable })
	set := at >= 0
	if o.Start != "" && set && c.Env[at].ValueFrom != nil {
		return fmt.Errorf("container %s of %s has %s from elsewhere (valueFrom): leave out --start", c.Name, w, startVariable)
	}
	start := o.Start
	if start == "" && !set {
		start = string(variants.StartContinue)
	}
	if start != "" {
		patch.Env = []variable{{Name: startVariable, Value: start}}
	}
	return nil
}

// relaxed is a probe that survives breakpoints, nil where there is none.
func relaxed(p *probe) *probe {
	if p == nil || p.FailureThreshold >= manyFailures {
		return nil
	}
	return &probe{manyFailures}
}

// maxName is the length of a container's name (RFC 1123's label).
const maxName = 63

// sidecarName is the name of the sidecar of a container.
func sidecarName(container string) string {
	const suffix = "-debug"
	return container[:min(len(container), maxName-len(suffix))] + suffix
}

// debugged says that a manifest has the container as it was changed before: with the debugger's port.
func (c container) debugged() bool {
	return slices.ContainsFunc(c.Ports, func(p port) bool { return p.Name == PortName })
}

// sidecar is a container that runs the debug image beside production's.
func (w *Workload) sidecar(c container, img Image, o Options) (*containerPatch, error) {
	security, err := w.sidecarSecurity(c, o)
	if err != nil {
		return nil, err
	}
	name := sidecarName(c.Name)
	for _, other := range slices.Concat(w.pod.Containers, w.pod.InitContainers) {
		if other.Name == name && !other.debugged() {
			return nil, fmt.Errorf("%s has a container %s, which is the name of the sidecar of %s: rename it", w, name, c.Name)
		}
	}
	return &containerPatch{Name: name, Image: img.Ref, SecurityContext: security}, nil
}

// sidecarSecurity is what a sidecar needs to debug the container.
func (w *Workload) sidecarSecurity(c container, o Options) (*securityPatch, error) {
	security := &securityPatch{Capabilities: withPtrace(capabilities{}), RunAsGroup: o.Group}
	if o.Restricted {
		security.restrict()
	}
	of, pod := c.SecurityContext, w.pod.SecurityContext
	nonRoot := pod.RunAsNonRoot
	if of.RunAsNonRoot != nil {
		nonRoot = of.RunAsNonRoot
	}
	switch security.RunAsUser = o.User; {
	case o.User != nil:
	case of.RunAsUser != nil:
		security.RunAsUser = of.RunAsUser
	case pod.RunAsUser != nil: // the sidecar has it from the pod
	case nonRoot != nil && *nonRoot:
		return nil, &NoUserError{c.Name, w.String()}
	}
	return security, nil
}

// listen is the debugger's port, which no other container of the pod may have.
func (w *Workload) listen(img Image) ([]port, error) {
	_, text, err := net.SplitHostPort(img.Listen)
	number, err2 := strconv.Atoi(text)
	if err != nil || err2 != nil {
		return nil, fmt.Errorf("%s listens on %q, which has no port", img.Ref, img.Listen)
	}
	for _, c := range slices.Concat(w.pod.Containers, w.pod.InitContainers) {
		for _, p := range c.Ports {
			if p.ContainerPort == number && p.Name != PortName && p.Protocol != "UDP" && p.Protocol != "SCTP" {
				return nil, fmt.Errorf("container %s of %s has the port %d, where the debugger of %s would listen: build it with --listen :PORT", c.Name, w, number, img.Ref)
			}
		}
	}
	for _, other := range slices.Concat(w.patch.Containers, w.patch.InitContainers) {
		if slices.ContainsFunc(other.Ports, func(p port) bool { return p.ContainerPort == number }) {
			return nil, fmt.Errorf("two debuggers of %s would listen on port %d, of %s and %s: choose a container with -c", w, number, other.Name, img.Ref)
		}
	}
	return []port{{PortName, number, "TCP"}}, nil
}
