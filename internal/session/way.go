package session

import (
	"fmt"

	"github.com/dlvgen/dlvgen/variants"
)

// Way is how a program is debugged.
type Way string

// The ways, the least intrusive ones first.
const (
	// WayConnect uses the debugger that the container has.
	WayConnect Way = "connect"

	// WaySidecar starts a debugger beside the running process.
	WaySidecar Way = "sidecar"

	// WayAttach starts the Delve of a container's own image beside its process.
	WayAttach Way = "attach"

	// WayReplace puts a debug image in the place of the container.
	WayReplace Way = "replace"

	// WayRun runs a debug image.
	WayRun Way = "run"
)

// Kind is that of the debug image that the way needs, empty where it needs none.
func (w Way) Kind() variants.Kind {
	switch w {
	case WaySidecar:
		return variants.KindSidecar
	case WayReplace, WayRun:
		return variants.KindRemote
	}
	return ""
}

// Situation is what the way depends on.
type Situation struct {
	Name string

	// Image says that there is no container: what is debugged is an image. Pod says that it is
	// a container of a pod.
	Image, Pod bool

	// State is the container's, empty where it runs. That of a pod's says why it does not.
	State string

	// Kind is that of the image that runs, empty for a production image.
	Kind variants.Kind

	// Sandbox is the runtime that keeps a container's processes to itself, "runsc".
	Sandbox string

	// Replace is asked for. Given is the kind of the debug image that the user names, and
	// GivenName its name.
	Replace   bool
	Given     variants.Kind
	GivenName string
}

// Choose is the least intrusive way that works, and the reason for it.
func (s Situation) Choose() (Way, string, error) {
	switch {
	case s.Image:
		return s.chooseForImage()
	case s.Pod:
		return s.chooseForPod()
	case s.Replace:
		return s.chooseReplace()
	case s.State == "paused":
		return "", "", fmt.Errorf("the container %s is paused: let it run first with `docker unpause %[1]s`", s.Name)
	case s.State != "":
		return "", "", &Problem{
			Line:   fmt.Sprintf("the container %s does not run, its state is %s: start it with `docker start %[1]s`, or find out why with `docker logs %[1]s`", s.Name, s.State),
			Detail: "To debug it from its first instruction on, run a debug image in its place: --replace --start hold.",
		}
	case s.Kind.Listens():
		return s.chooseRunning()
	case s.Sandbox != "":
		return "", "", fmt.Errorf("the container %s runs under %s, which shows its processes to no other container: run a debug image in its place with --replace", s.Name, s.Sandbox)
	case s.Kind == variants.KindAttach:
		return s.chooseRunning()
	case s.Given != "" && s.Given != variants.KindSidecar:
		return "", "", fmt.Errorf("%s is a debug image of the kind %s, which runs the program itself: run it in the place of %s with --replace, or name a sidecar", s.GivenName, s.Given, s.Name)
	}
	return s.chooseRunning()
}

// chooseRunning is for a program that runs.
func (s Situation) chooseRunning() (Way, string, error) {
	switch s.Kind {
	case variants.KindRemote, variants.KindTest, variants.KindSidecar:
		return WayConnect, fmt.Sprintf("%s is a debug image already, of the kind %s: its own debugger is used, and nothing is started", s.Name, s.Kind), nil
	case variants.KindAttach:
		return WayAttach, s.Name + " has Delve in its image: it is started beside the running process, and nothing is redeployed", nil
	}
	return WaySidecar, s.Name + " runs its production image: a debugger is started beside the running process, and nothing is redeployed", nil
}

func (s Situation) chooseReplace() (Way, string, error) {
	switch {
	case s.Kind.Serves():
		return "", "", fmt.Errorf("the container %s runs a debug image with its debugger already: leave --replace out", s.Name)
	case s.Given != "" && s.Given != variants.KindRemote:
		return "", "", fmt.Errorf("%s is a debug image of the kind %s, which does not start the program under a debugger: name a remote variant for --replace", s.GivenName, s.Given)
	}
	return WayReplace, fmt.Sprintf("--replace: a debug image runs in the place of %s until the end of the session", s.Name), nil
}

// inManifest is how a debug image runs in a cluster.
const inManifest = "`kubectl get deploy/NAME -o yaml | dlvgen kube - | kubectl apply -f -`"

// chooseForPod never changes a workload.
func (s Situation) chooseForPod() (Way, string, error) {
	switch {
	case s.Replace:
		return "", "", &Problem{
			Line:   fmt.Sprintf("--replace would change the workload of %s, which the cluster keeps as its manifest says: leave it out, or run a debug image with `dlvgen kube`", s.Name),
			Detail: "Such as: " + inManifest,
		}
	case s.State != "":
		return "", "", &Problem{
			Line:   fmt.Sprintf("%s does not run: %s", s.Name, s.State),
			Detail: "To debug it from its first instruction on, run a debug image that waits: `dlvgen kube --start hold`.",
		}
	case s.Given != "" && s.Given != variants.KindSidecar && s.Kind == "":
		return "", "", fmt.Errorf("%s is a debug image of the kind %s, which runs the program itself: put it into the manifest with `dlvgen kube`, or name a sidecar", s.GivenName, s.Given)
	}
	return s.chooseRunning()
}

func (s Situation) chooseForImage() (Way, string, error) {
	if s.Replace {
		return "", "", fmt.Errorf("--replace is for a container, and %s is an image: leave it out, and a new container runs", s.Name)
	}
	if s.Given == "" {
		s.Given, s.GivenName = s.Kind, s.Name
	}
	if s.Given != "" && !s.Given.Serves() {
		return "", "", fmt.Errorf("%s is a debug image of the kind %s, which does not start the program under a debugger: name its production image, or a container", s.GivenName, s.Given)
	}
	if s.Given == variants.KindTest {
		return WayRun, s.GivenName + " has tests: a container runs them until the end of the session", nil
	}
	return WayRun, s.Name + " is an image: a container of its remote variant runs until the end of the session", nil
}
