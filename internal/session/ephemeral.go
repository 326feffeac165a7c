package session

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dlvgen/dlvgen/internal/cluster"
	"github.com/dlvgen/dlvgen/internal/delverpc"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/layout"
)

// Bounds of what depends on a cluster.
const (
	// lookEvery is how often a pod is looked at.
	lookEvery = time.Second

	// podWithin is how long an ephemeral container may take to run, with the pull of its image.
	podWithin = 5 * time.Minute

	// idleWithin is how long nobody may be connected until a debugger in a pod ends itself: it
	// has lost its session.
	idleWithin = 10 * time.Minute

	// goOnWithin is how long it may take until a debugger in a pod has ended.
	goOnWithin = 20 * time.Second
)

// idleVariable says it to the debugger (internal/sidecar, Config.Idle).
const idleVariable = "DLVGEN_IDLE"

// ephemeralPrefix begins the names of debuggers' containers.
const ephemeralPrefix = "dlvgen-debug-"

// ephemeral is a debugger in an ephemeral container beside the process of a pod's container. A
// pod keeps the container when it has ended.
type ephemeral struct {
	pod     *Pod
	image   Image
	way     Way
	options Options
	port    int
	first   identity
	spec    cluster.Ephemeral // without what the identity decides

	entry   *journal // nil before anything is done
	forward *cluster.Forward
	at      Endpoint
	ran     bool
	stop    context.CancelFunc // of what keeps the debugger from being alone
}

func newEphemeral(p *Pod, image Image, way Way, o Options) (*ephemeral, error) {
	e := &ephemeral{pod: p, image: image, way: way, options: o, stop: func() {}}
	if way == WayAttach {
		e.image = Image{Ref: p.container.Image, Labels: p.production.Labels, Why: "the container's own image"}
	}
	var err error
	if e.port, err = e.image.podPort(); err != nil {
		return nil, err
	}
	if e.first, err = p.identify(o); err != nil {
		return nil, err
	}
	e.spec = cluster.Ephemeral{
		Name: ephemeralPrefix + "1", Image: e.image.Ref, Target: p.container.Name, Policy: "FallbackToLogsOnError",
		Env: []cluster.EnvVar{{Name: idleVariable, Value: e.idle().String()}, {Name: "XDG_CONFIG_HOME", Value: layout.Config}},
	}
	if way == WayAttach {
		return e, e.attach()
	}
	if o.Process != "" {
		e.spec.Args = []string{o.Process}
	}
	return e, nil
}

// idle is how long nobody may be connected.
func (e *ephemeral) idle() time.Duration { return cmp.Or(e.options.Idle, idleWithin) }

// attach has the Delve of an attach image debug the program.
func (e *ephemeral) attach() error {
	process := e.options.Process
	if process == "" && e.pod.seen.Spec.ShareProcessNamespace {
		return fmt.Errorf("the containers of %s share their processes, and nothing says which one is the program: name it with --pid", e.pod.Name())
	}
	if process == "" {
		process = strconv.Itoa(docker.FirstPID)
	}
	if _, err := strconv.Atoi(process); err != nil {
		return fmt.Errorf("the debugger of the attach image of %s knows processes by their ids only: name it with --pid", e.pod.Name())
	}
	e.spec.Command = []string{layout.Delve, "attach", "--continue", fmt.Sprintf("--listen=:%d", e.port), "--headless=true", "--api-version=2", "--accept-multiclient", process}
	return nil
}

// Steps implements [Debugger].
func (e *ephemeral) Steps() []Step {
	pod, local := e.pod.seen.Metadata.Name, e.options.Port
	if local == 0 {
		local = e.port
	}
	const name = "dlvgen-debug"
	words := []string{"debug", pod, "-c", name, "--target=" + e.spec.Target, "--image=" + e.spec.Image, "--profile=general"}
	if args := slices.Concat(e.spec.Command, e.spec.Args); len(args) > 0 {
		if len(e.spec.Command) == 0 {
			words = append(words, "--arguments-only")
		}
		words = append(append(words, "--"), args...)
	}
	profile, _ := e.pod.profile(e.first) // was made before
	return []Step{
		{Why: "a debugger beside the process of " + e.pod.Name() + ", with the capability to attach to it; it ends when nobody was connected for " + e.idle().String(),
			Words: e.pod.cluster.Kubectl(words...), Profile: withEnv(profile, e.spec.Env)},
		{Why: "when it runs, its port on loopback, until Ctrl-C; a pod keeps the container when it has ended", Words: e.pod.cluster.Kubectl("port-forward", "pod/"+pod, fmt.Sprintf("%d:%d", local, e.port))},
	}
}

// withEnv adds the environment to a profile.
func withEnv(profile []byte, env []cluster.EnvVar) string {
	var variables []string
	for _, one := range env {
		variables = append(variables, fmt.Sprintf(`{"name":%q,"value":%q}`, one.Name, one.Value))
	}
	return fmt.Sprintf(`{"env":[%s],%s`, strings.Join(variables, ","), strings.TrimPrefix(string(profile), "{"))
}

// Start implements [Debugger].
func (e *ephemeral) Start(ctx context.Context) (Endpoint, error) {
	if err := e.ready(ctx); err != nil {
		return Endpoint{}, err
	}
	entry, err := e.pod.journals.open(journal{
		Target: e.pod.Name(), Cluster: e.pod.cluster.Server, Namespace: e.pod.cluster.Namespace,
		Pod: e.pod.seen.Metadata.Name, PodUID: e.pod.seen.Metadata.UID, Port: e.port,
	})
	if err != nil {
		return Endpoint{}, err
	}
	e.entry = entry
	if e.forward, err = e.pod.cluster.Forward(e.pod.seen.Metadata.Name, e.port, e.options.Port); err != nil {
		return Endpoint{}, explainStart(err, e.options.Port, e.image.Ref)
	}
	e.at = Endpoint{Host: docker.Loopback, Port: e.forward.Port()}
	tried := map[string]bool{}
	for is := e.first; ; {
		admitted, refused := e.admitted(ctx, is)
		if refused != nil {
			return e.at, cmp.Or(err, refused) // why another one is tried says more
		}
		is = admitted
		tried[is.String()] = true
		var logs string
		if logs, err = e.try(ctx, is); err == nil {
			e.accompany(ctx)
			return e.at, nil
		}
		next, why, ok := e.pod.after(is, logs)
		err = e.image.mismatch(err, e.pod.Name(), e.pod.production)
		if !ok || tried[next.String()] || ctx.Err() != nil || e.options.User != nil {
			return e.at, err
		}
		e.options.Tell(why)
		is = next
	}
}

// ready refuses before anything is done what cannot be undone: a pod keeps its containers.
func (e *ephemeral) ready(ctx context.Context) error {
	for _, s := range e.pod.seen.Status.EphemeralContainerStatuses {
		if strings.HasPrefix(s.Name, ephemeralPrefix) && s.State.Running != nil {
			return &Problem{
				Line:   fmt.Sprintf("%s has a debugger already, its container %s: end the session that it is of", e.pod.Name(), s.Name),
				Detail: fmt.Sprintf("Without a session it ends by itself, when nobody was connected for %s.", idleWithin),
			}
		}
	}
	if err := e.pod.mayForward(ctx); err != nil {
		return err
	}
	if err := e.pod.checkPort(e.port); err != nil {
		return err
	}
	return e.pod.checkPlatform(ctx, e.image)
}

// specFor is the container of a debugger that runs as somebody.
func (e *ephemeral) specFor(is identity) (cluster.Ephemeral, error) {
	spec := e.spec
	profile, err := e.pod.profile(is)
	if err != nil {
		return spec, err
	}
	var custom struct {
		SecurityContext json.RawMessage `json:"securityContext"`
	}
	err = json.Unmarshal(profile, &custom)
	spec.Profile = custom.SecurityContext
	return spec, err
}

// try starts a debugger that runs as somebody, and waits until it serves. What it printed before it
// failed is for who knows what to do.
func (e *ephemeral) try(ctx context.Context, is identity) (logs string, err error) {
	spec, err := e.specFor(is)
	if err != nil {
		return "", err
	}
	const digits = 8
	spec.Name = ephemeralPrefix + e.entry.ID[:digits]
	if e.entry.Container != "" {
		e.entry.Attempt++
		spec.Name = fmt.Sprintf("%s-%d", spec.Name, e.entry.Attempt+1)
	}
	e.entry.Container = spec.Name
	if err := e.entry.write(); err != nil {
		return "", err
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	// What changes something is not interrupted in its middle.
	if _, err := e.pod.cluster.AddEphemeral(context.WithoutCancel(ctx), e.pod.seen.Metadata.Name, spec, false); err != nil {
		return "", err
	}
	e.options.Tell(fmt.Sprintf("the pod pulls %s and starts it as the ephemeral container %s", spec.Image, spec.Name))
	if err := e.runs(ctx); err != nil {
		return e.failed(ctx, err)
	}
	serving, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go e.watch(serving, stop)
	go e.reach(serving, stop)
	now, err := delverpc.AwaitServing(serving, e.at.Address(), true)
	if err == nil { // and not another one at its port
		_, err = e.state(ctx)
	}
	if err != nil {
		return e.failed(ctx, errors.Join(err, e.forward.Failed()))
	}
	e.at.Stopped = !now.Running
	return "", nil
}

// hopeless are reasons for which an ephemeral container waits and does not start
// (k8s.io/kubernetes, pkg/kubelet: container, images, kuberuntime).
var hopeless = map[string]string{
	"ErrImagePull":               "the node cannot pull %s",
	"ImagePullBackOff":           "the node cannot pull %s",
	"ErrImageNeverPull":          "the node does not have %s, and may not pull it",
	"InvalidImageName":           "the node does not understand the name of the image %s",
	"CreateContainerConfigError": "the node refuses the configuration of the debugger from %s",
	"CreateContainerError":       "the node cannot create the debugger from %s",
	"RunContainerError":          "the node cannot start the debugger from %s",
}

// ephemeralError says why a node does not run the debugger.
type ephemeralError struct{ line, detail string }

func (e *ephemeralError) Error() string   { return e.line }
func (e *ephemeralError) Details() string { return e.detail }

// runs waits until the container runs.
func (e *ephemeral) runs(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, podWithin, fmt.Errorf("the node has not started the debugger of %s after %s", e.pod.Name(), podWithin))
	defer cancel()
	for {
		state, err := e.state(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		case state.Running != nil:
			e.ran = true
			return nil
		case state.Waiting != nil && hopeless[state.Waiting.Reason] != "":
			line := fmt.Sprintf(hopeless[state.Waiting.Reason], e.image.Ref) + ": " + state.Waiting.Message
			if state.Waiting.Message == "" {
				line += state.Waiting.Reason
			}
			if mentions(line, "non-root", "runasnonroot") {
				line += "; name the program's user with --user UID:GID"
			}
			return &ephemeralError{line, fmt.Sprintf("The pod keeps the container %s. If it ever starts, it ends by itself when nobody was connected for %s.", e.entry.Container, e.idle())}
		}
		if err := pause(ctx, lookEvery/2); err != nil {
			return err
		}
	}
}

// pause waits, or ends with the context.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// state is what the pod's node says of the debugger. One that has ended is an [*exitedError], and a
// program that is no more an [*EndedError]. A cluster that does not answer says nothing.
func (e *ephemeral) state(ctx context.Context) (state cluster.State, err error) {
	now, reason := e.pod.ended(ctx)
	if now != nil {
		state = now.Ephemeral(e.entry.Container)
	}
	if t := state.Terminated; t != nil {
		err = &exitedError{code: t.ExitCode, logs: t.Message}
	}
	if reason != "" {
		err = &EndedError{Reason: reason}
	}
	return state, err
}

// exitedError says that the debugger has ended.
type exitedError struct {
	code int
	logs string
}

func (e *exitedError) Error() string {
	return fmt.Sprintf("the debugger has ended with exit code %d", e.code)
}

// watch ends a wait when the debugger has ended.
func (e *ephemeral) watch(ctx context.Context, stop context.CancelCauseFunc) {
	for pause(ctx, lookEvery) == nil {
		if _, err := e.state(ctx); err != nil && ctx.Err() == nil {
			stop(err)
			return
		}
	}
}

// reach ends a wait when the pod cannot be reached for some time.
func (e *ephemeral) reach(ctx context.Context, stop context.CancelCauseFunc) {
	const enough = 15 * time.Second
	for since := time.Now(); pause(ctx, lookEvery) == nil; {
		err := e.forward.Lost()
		if err == nil {
			since = time.Now()
		} else if time.Since(since) > enough {
			stop(fmt.Errorf("the port of the debugger in %s cannot be forwarded: %w", e.pod.Name(), err))
			return
		}
	}
}

// failed explains why the debugger does not serve.
func (e *ephemeral) failed(ctx context.Context, err error) (logs string, explained error) {
	if ctx.Err() != nil {
		return "", err
	}
	if _, now := e.state(ctx); now != nil {
		err = now
	}
	var exited *exitedError
	if !errors.As(err, &exited) {
		var ended *EndedError
		if errors.As(err, &ended) {
			return "", ended
		}
		return "", err
	}
	logs = exited.logs
	if whole, logsErr := e.pod.cluster.Logs(ctx, e.pod.seen.Metadata.Name, e.entry.Container); logsErr == nil {
		logs = whole
	}
	return logs, inPod.explain(e.pod.Name(), logs, exited.code)
}

// accompany stays connected with the debugger, which ends itself when nobody is. A tunnel that
// breaks is dug again.
func (e *ephemeral) accompany(ctx context.Context) {
	ctx, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		for ctx.Err() == nil {
			delverpc.Stay(ctx, e.at.Address())
			_ = pause(ctx, lookEvery)
		}
	}()
}

// Ended implements [Debugger].
func (e *ephemeral) Ended(ctx context.Context) error {
	watched, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	e.watch(watched, stop)
	err := context.Cause(watched)
	var exited *exitedError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !errors.As(err, &exited):
		return err
	case exited.code == 0:
		return &EndedError{Reason: fmt.Sprintf("the debugger of %s has ended: a client has ended it, or the program has exited", e.pod.Name())}
	}
	_, err = e.failed(ctx, err)
	return err
}

// Prompt implements [Debugger].
func (e *ephemeral) Prompt(ctx context.Context, streams docker.Command) error {
	streams.Words = []string{layout.Delve, "connect", fmt.Sprintf(":%d", e.port)}
	_, err := e.pod.cluster.Exec(ctx, e.pod.seen.Metadata.Name, e.entry.Container, streams)
	return err
}

// End implements [Debugger].
func (e *ephemeral) End(ctx context.Context) error {
	e.stop()
	if e.forward != nil {
		e.forward.Close()
	}
	if e.entry == nil {
		return nil
	}
	if err := (pods{e.pod.cluster}).undo(ctx, e.entry); err != nil {
		_ = e.entry.lock.Unlock() // the next session tries again
		return fmt.Errorf("%w; the next call of dlvgen debug tries it again, and alone it ends in %s", err, e.idle())
	}
	if e.ran {
		e.options.Tell(fmt.Sprintf("the debugger has ended; the pod lists its container %s as terminated until the pod is deleted", e.entry.Container))
	}
	e.entry.close()
	return nil
}

// pods is a cluster as a [place].
type pods struct{ *cluster.Cluster }

func (p pods) has(entry *journal) bool { return entry.Cluster == p.Server }

// undo ends a debugger in a pod. One that has not begun to run ends itself when it does.
func (p pods) undo(ctx context.Context, entry *journal) error {
	in := p.In(entry.Namespace)
	running := func() (bool, error) {
		pod, err := in.Pod(ctx, entry.Pod)
		var none *cluster.NotFoundError
		switch {
		case errors.As(err, &none):
			return false, nil
		case err != nil:
			return false, err
		}
		return pod.Metadata.UID == entry.PodUID && pod.Ephemeral(entry.Container).Running != nil, nil
	}
	if entry.Container == "" {
		return nil
	}
	if has, err := running(); err != nil || !has {
		return err
	}
	forward, err := in.Forward(entry.Pod, entry.Port, 0)
	if err != nil {
		return err
	}
	defer forward.Close()
	ctx, cancel := context.WithTimeout(ctx, goOnWithin)
	defer cancel()
	addr := Endpoint{Host: docker.Loopback, Port: forward.Port()}.Address()
	for {
		err := leave(ctx, addr)
		if has, look := running(); look == nil && !has {
			return nil
		}
		if pause(ctx, lookEvery/2) != nil {
			return errors.Join(fmt.Errorf("the debugger in the container %s of the pod %s does not end", entry.Container, entry.Pod), err, forward.Failed())
		}
	}
}
