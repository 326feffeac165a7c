package connect

import (
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/variants"
)

// Target is a debug image or its container, as a client comes to it.
type Target struct {
	Image

	// Name is the image's reference or the container's name.
	Name string

	// Container is the container's name, empty where Name is an image.
	Container string

	// Beside is the container that a sidecar attaches to, empty where it is not known.
	Beside string

	// PID is the program's in its container, for variants.KindAttach.
	PID int

	// Host and Port are where the debugger is reached.
	Host string
	Port int

	Mappings []Mapping

	// Windows says that the client and the user's shell, PowerShell, run on Windows.
	Windows bool

	// Workspace lets editors find the main module by the folder that they have open.
	Workspace bool
}

// Address is host:port.
func (t Target) Address() string { return net.JoinHostPort(t.Host, strconv.Itoa(t.Port)) }

// Serve are the words of the command line that makes the debugger listen at Address,
// none where it does already.
func (t Target) Serve() []string {
	switch {
	case t.Kind == variants.KindAttach:
		return t.serveAttached()
	case t.Container != "":
		return nil
	case t.Kind == variants.KindSidecar:
		return t.sidecar(append([]string{"-d"}, t.publish()...)...)
	}
	return t.run()
}

// Start are the words of the command line that starts a container of an attach image, whose
// port is published; none where there is one already, and for other images: Serve starts those.
func (t Target) Start() []string {
	if t.Kind != variants.KindAttach || t.Container != "" {
		return nil
	}
	return t.run()
}

// run are the words that start a container of the image in the background.
func (t Target) run() []string {
	return slices.Concat([]string{"docker", "run", "-d"}, t.publish(), []string{t.Name})
}

// publish are the flags of `docker run` that let clients in from this machine alone.
func (t Target) publish() []string {
	inside, err := t.Image.Port()
	if err != nil {
		inside = t.Port // it was read from the same label
	}
	return []string{"-p", fmt.Sprintf("127.0.0.1:%d:%d", t.Port, inside)}
}

// serveAttached starts a debugger in the container of an attach image. The program
// goes on until a client interrupts it.
func (t Target) serveAttached() []string {
	return slices.Concat([]string{"docker", "exec", "-d"}, settings(), []string{
		orContainer(t.Container), layout.Delve, "attach",
		"--listen=" + t.Listen, "--headless=true", "--api-version=2", "--accept-multiclient", "--continue", strconv.Itoa(t.PID),
	})
}

// settings give the debugger the image's own settings, where it would look below a
// HOME that is production's.
func settings() []string { return []string{"-e", "XDG_CONFIG_HOME=" + layout.Config} }

// sidecar is the command line that starts the sidecar with some flags.
func (t Target) sidecar(flags ...string) []string {
	return slices.Concat([]string{"docker", "run", "--rm"}, flags,
		[]string{"--pid", "container:" + orContainer(t.Beside), "--cap-add", "SYS_PTRACE", t.Name})
}

// debugPod is the command line that starts the sidecar beside a container in Kubernetes.
func (t Target) debugPod() []string {
	return []string{"kubectl", "debug", "-ti", "POD", "--target=" + orContainer(t.Beside), "--profile=general", "--image=" + t.Name}
}

// Command is the client's or the debugger's command line, without what is typed at
// its prompt.
func (t Target) Command() []string {
	if t.Kind == variants.KindAttach {
		return slices.Concat([]string{"docker", "exec", "-ti"}, settings(),
			[]string{orContainer(t.Container), layout.Delve, "attach", strconv.Itoa(t.PID)})
	}
	return []string{"dlv", "connect", t.Address()}
}

// orContainer is a container's name, or a word in its place.
func orContainer(name string) string {
	if name == "" {
		return "CONTAINER"
	}
	return name
}
