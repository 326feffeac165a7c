// Package session debugs what runs: it finds a target, the debug image that belongs to it
// and the least intrusive way to debug it, starts a debugger, and ends that again, so that the
// program runs on as before.
//
// A [Target] is a container of Docker Engine, an image of it, or a container of a pod of
// Kubernetes.
package session

import (
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/variants"
)

// Target is what is debugged, where it runs.
type Target interface {
	// Name is what the user knows it by.
	Name() string

	// Production is the image that runs.
	Production() Production

	// Situation is what the way to debug it depends on.
	Situation() Situation

	// Debugger is what debugs it in a way, with a debug image. Nothing is started yet.
	Debugger(way Way, image Image, o Options) (Debugger, error)
}

// Debugger makes a program answer to clients of Delve.
type Debugger interface {
	// Steps are the command lines that do the same by hand.
	Steps() []Step

	// Start starts the debugger, and returns when clients may connect.
	Start(ctx context.Context) (Endpoint, error)

	// Ended returns when there is nothing to debug any more, and says why.
	Ended(ctx context.Context) error

	// Prompt runs Delve's own client where the debugger is, until it ends.
	Prompt(ctx context.Context, streams docker.Command) error

	// End undoes what Start did, also where that failed or was interrupted in its middle, or
	// has not begun. The program runs on.
	End(ctx context.Context) error
}

// Options are what the user chose of a session.
type Options struct {
	// Port is where clients find the debugger on the loopback address, 0 for a free one.
	Port int

	// Process names the process to debug by its PID or its program, as the container has
	// them; empty for the program of the debug image.
	Process string

	// User and Group are those of a debugger in a pod, nil for those of the program where they
	// are needed.
	User, Group *int64

	// Idle is how long nobody may be connected until a sidecar's debugger lets the program go and
	// ends. Default: 10 minutes in a pod, elsewhere without a bound.
	Idle time.Duration

	// Start is how a program starts that is started for the session: empty for what
	// the way has.
	Start variants.Start

	// Tell says what happens, in one line.
	Tell func(line string)
}

// Endpoint is where clients find a debugger.
type Endpoint struct {
	Host string
	Port int

	// Stopped says that the program stands still: it waits for a client, or was stopped before.
	Stopped bool
}

// Address is host:port.
func (e Endpoint) Address() string { return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) }

// Step is a command line that a person would type, and why.
type Step struct {
	Why   string   `json:"why,omitempty"`
	Words []string `json:"words"`

	// EnvOf is a container whose environment a `docker run` takes over, by its name: its values
	// may be secrets.
	EnvOf string `json:"envOf,omitempty"`

	// Profile is a profile as JSON that `kubectl debug` reads from the file of --custom.
	Profile string `json:"profile,omitempty"`
}

// EndedError says that what was debugged is no more.
type EndedError struct{ Reason string }

func (e *EndedError) Error() string { return e.Reason }

// LeftError says that a session has left something behind.
type LeftError struct{ Err error }

func (e *LeftError) Error() string { return "ending the session: " + e.Err.Error() }

// Unwrap is the reason.
func (e *LeftError) Unwrap() error { return e.Err }

// endWithin is how long the end of a session may take: a container that is stopped gets its
// time, and another one may be started.
const endWithin = 2 * time.Minute

// Run starts a debugger, has use make use of it, and ends it whatever happens meanwhile.
// The context of use ends when there is nothing to debug any more, with an [*EndedError] as its
// cause. leave ends the end itself, and what is left is in the error.
func Run(ctx context.Context, d Debugger, leave <-chan struct{}, use func(context.Context, Endpoint) error) (err error) {
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
		defer cancel()
		go func() {
			select {
			case <-leave:
				cancel()
			case <-ending.Done():
			}
		}()
		if endErr := d.End(ending); endErr != nil {
			err = errors.Join(err, &LeftError{endErr})
		}
	}()
	at, err := d.Start(ctx)
	if err != nil {
		return err
	}
	using, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	watched := make(chan struct{})
	defer func() { stop(nil); <-watched }()
	go func() {
		defer close(watched)
		if ended := d.Ended(using); ended != nil && using.Err() == nil {
			stop(ended)
		}
	}()
	return use(using, at)
}
