package connect

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

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

	// Workspace lets editors find the main module by the folder that they have open.
	Workspace bool
}

// Address is host:port.
func (t Target) Address() string { return net.JoinHostPort(t.Host, strconv.Itoa(t.Port)) }

// Serve is the command line that makes the debugger listen at Address, empty where it
// does already.
func (t Target) Serve() string {
	switch {
	case t.Kind == variants.KindAttach && t.Container != "":
		return t.serveAttached()
	case t.Container != "":
		return ""
	case t.Kind == variants.KindSidecar:
		return t.sidecar("-d " + t.publish())
	}
	return "docker run -d " + t.publish() + " " + t.Name
}

// publish is the flag of `docker run` that lets clients in from this machine alone.
func (t Target) publish() string {
	inside, err := t.Image.Port()
	if err != nil {
		inside = t.Port // it was read from the same label
	}
	return fmt.Sprintf("-p 127.0.0.1:%d:%d", t.Port, inside)
}

// serveAttached starts a debugger in the container of an attach image. The program
// goes on until a client interrupts it.
func (t Target) serveAttached() string {
	return fmt.Sprintf("docker exec -d %s %s %s attach --listen=%s --headless=true --api-version=2 --accept-multiclient --continue %d",
		settings, t.Container, layout.Delve, t.Listen, t.PID)
}

// settings give the debugger the image's own settings, where it would look below a
// HOME that is production's.
const settings = "-e XDG_CONFIG_HOME=" + layout.Config

// sidecar is the command line that starts the sidecar with some flags.
func (t Target) sidecar(flags string) string {
	return fmt.Sprintf("docker run --rm %s --pid container:%s --cap-add SYS_PTRACE %s", flags, t.beside(), t.Name)
}

// beside is the container to debug, or a word in its place.
func (t Target) beside() string {
	if t.Beside == "" {
		return "CONTAINER"
	}
	return t.Beside
}

// Command is the client's or the debugger's command line, without what is typed at
// its prompt.
func (t Target) Command() []string {
	if t.Kind == variants.KindAttach {
		return slices.Concat([]string{"docker", "exec", "-ti"}, strings.Fields(settings),
			[]string{t.container(), layout.Delve, "attach", strconv.Itoa(t.PID)})
	}
	return []string{"dlv", "connect", t.Address()}
}

// container is the container's name, or a word in its place.
func (t Target) container() string {
	if t.Container == "" {
		return "CONTAINER"
	}
	return t.Container
}
