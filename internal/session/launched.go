package session

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/dlvgen/dlvgen/internal/delverpc"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// stopWithin is how long a debugger's container may take to end: its init asks Delve to let the
// program go, and wakes it.
const stopWithin = 20 * time.Second

// launched is a container that was started for a session.
type launched struct {
	engine   *docker.Engine
	journals Journals
	entry    *journal // nil before anything is done

	image    Image
	platform string // of what is debugged, empty for any
	target   string // its name, for messages
	options  Options

	id string
}

// begin notes what the session will have to undo, and names its containers.
func (l *launched) begin(entry journal) error {
	entry.Engine, entry.Target = l.engine.DaemonHost(), l.target
	opened, err := l.journals.open(entry)
	if err != nil {
		return err
	}
	l.entry = opened
	const digits = 8
	if opened.Container == "" {
		opened.Container = "dlvgen-debug-" + opened.ID[:digits]
	}
	if opened.Original != "" {
		opened.Aside = opened.Name + "-dlvgen-" + opened.ID[:digits]
	}
	return opened.write()
}

// reachable refuses an engine whose loopback address is not this machine's.
func reachable(e *docker.Engine) error {
	if host := e.Host(); host != docker.Loopback && host != "localhost" {
		return fmt.Errorf("Docker Engine runs on %s, and its debuggers' ports are published there on loopback only: run dlvgen on that machine, such as by ssh", host)
	}
	return nil
}

// ensure has the engine pull the image, checks that it is of the right platform, and returns
// what the engine says of it.
func (l *launched) ensure(ctx context.Context) (seen client.ImageInspectResult, err error) {
	if !l.image.Local {
		ref, _, err := registry.ParseImage(l.image.Ref)
		if err != nil {
			return seen, err
		}
		account, err := registry.Account(ctx, ref.Host())
		if err != nil {
			return seen, err
		}
		l.options.Tell("pulling " + l.image.Ref)
		if err := l.engine.Pull(ctx, l.image.Ref, docker.Account{
			Username: account.Username, Password: account.Password, IdentityToken: account.IdentityToken, RegistryToken: account.RegistryToken,
		}); err != nil {
			if mentions(err.Error(), "no matching manifest") {
				return seen, &Problem{Line: fmt.Sprintf("%s has no image for the machine's platform: build it with --platform", l.image.Ref), Cause: err, Detail: err.Error()}
			}
			return seen, err
		}
	}
	seen, has, err := l.engine.Image(ctx, l.image.Ref)
	if err != nil {
		return seen, err
	}
	if !has {
		return seen, fmt.Errorf("Docker Engine has no image %s any more", l.image.Ref)
	}
	if is := path.Join(seen.Os, seen.Architecture, seen.Variant); l.platform != "" && path.Join(seen.Os, seen.Architecture) != osArch(l.platform) {
		return seen, fmt.Errorf("%s is for %s, and %s runs on %s: build it with --platform %[4]s", l.image.Ref, is, l.target, l.platform)
	}
	return seen, nil
}

// osArch is a platform without a variant.
func osArch(platform string) string {
	parts := strings.SplitN(platform, "/", 3)
	return path.Join(parts[:min(len(parts), 2)]...)
}

// bind publishes a port of the container on the loopback address.
func bind(config *container.Config, host *container.HostConfig, inside, outside int) {
	port, ok := network.PortFrom(uint16(inside), network.TCP)
	if !ok {
		return // variants.SplitAddress has checked it
	}
	if config.ExposedPorts == nil {
		config.ExposedPorts = network.PortSet{}
	}
	if host.PortBindings == nil {
		host.PortBindings = network.PortMap{}
	}
	binding := network.PortBinding{HostIP: netip.MustParseAddr(docker.Loopback)}
	if outside != 0 {
		binding.HostPort = strconv.Itoa(outside)
	}
	config.ExposedPorts[port] = struct{}{}
	host.PortBindings[port] = []network.PortBinding{binding}
}

// publish is the flag of `docker run` that does the same.
func publish(inside, outside int) string {
	if outside == 0 {
		return fmt.Sprintf("127.0.0.1::%d", inside)
	}
	return fmt.Sprintf("127.0.0.1:%d:%d", outside, inside)
}

// run starts the container, and waits until its debugger serves.
func (l *launched) run(ctx context.Context, options client.ContainerCreateOptions, runs bool) (Endpoint, error) {
	if err := l.create(ctx, options); err != nil {
		return Endpoint{}, err
	}
	return l.serve(ctx, runs)
}

// create makes the container. What changes something is not interrupted in its middle: the
// engine would do it all the same, after it was undone.
func (l *launched) create(ctx context.Context, options client.ContainerCreateOptions) (err error) {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	options.Name = l.entry.Container
	if options.Config.Labels == nil {
		options.Config.Labels = map[string]string{}
	}
	options.Config.Labels[label] = l.entry.ID
	l.id, err = l.engine.Create(context.WithoutCancel(ctx), options)
	return err
}

// serve starts the container that was created.
func (l *launched) serve(ctx context.Context, runs bool) (Endpoint, error) {
	port, err := l.image.Port()
	if err != nil {
		return Endpoint{}, err
	}
	if ctx.Err() != nil {
		return Endpoint{}, context.Cause(ctx)
	}
	if err := l.engine.StartContainer(context.WithoutCancel(ctx), l.id); err != nil {
		return Endpoint{}, explainStart(err, l.options.Port, l.image.Ref)
	}
	at, err := l.await(ctx, port, runs)
	if err == nil || ctx.Err() != nil {
		return at, err
	}
	seen, has, inspectErr := l.engine.Container(context.WithoutCancel(ctx), l.id)
	if inspectErr != nil || !has || seen.Container.State == nil || seen.Container.State.Running {
		return at, err
	}
	logs, logsErr := l.engine.Logs(ctx, l.id)
	if logsErr != nil {
		return at, errors.Join(err, logsErr)
	}
	return at, onEngine.explain(l.target, logs, seen.Container.State.ExitCode)
}

// await waits until the debugger serves, or the container ends.
func (l *launched) await(ctx context.Context, port int, runs bool) (Endpoint, error) {
	var at Endpoint
	seen, has, err := l.engine.Container(ctx, l.id)
	if err != nil || !has {
		return at, errors.Join(err, errNothing)
	}
	reach, err := l.engine.ReachOf(seen)
	if err != nil {
		return at, err
	}
	if at.Host, at.Port, _, err = reach.Address(port); err != nil {
		return at, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		if _, err := l.engine.Ended(ctx, l.id); err == nil {
			stop(errNothing)
		}
	}()
	now, err := delverpc.AwaitServing(ctx, at.Address(), runs)
	at.Stopped = !now.Running
	return at, err
}

// ended waits for the end of the container, and says how it was.
func (l *launched) ended(ctx context.Context) error {
	code, err := l.engine.Ended(ctx, l.id)
	if err != nil || ctx.Err() != nil {
		return err
	}
	return &EndedError{Reason: fmt.Sprintf("the program of %s has exited with code %d under the debugger", l.target, code)}
}

// Prompt implements [Debugger].
func (l *launched) Prompt(ctx context.Context, streams docker.Command) error {
	port, err := l.image.Port()
	if err != nil {
		return err
	}
	return promptIn(ctx, l.engine, l.id, port, streams)
}

// promptIn runs the client of a debug image in its container, where its sources and settings are.
func promptIn(ctx context.Context, e *docker.Engine, id string, port int, streams docker.Command) error {
	streams.Words = []string{layout.Delve, "connect", fmt.Sprintf(":%d", port)}
	streams.Env = []string{"XDG_CONFIG_HOME=" + layout.Config, "TERM=xterm"}
	_, err := e.Exec(ctx, id, streams)
	return err
}

// End implements [Debugger].
func (l *launched) End(ctx context.Context) error {
	if l.entry == nil {
		return nil
	}
	if err := l.entry.undo(ctx, l.engine); err != nil {
		_ = l.entry.lock.Unlock() // the next session tries again
		return fmt.Errorf("%w; the next call of dlvgen debug tries it again", err)
	}
	l.entry.close()
	return nil
}
