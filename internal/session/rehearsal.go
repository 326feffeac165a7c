package session

import "context"

// Rehearsal is what a cluster says of a debugger that it was asked to check, and did not start.
type Rehearsal struct {
	// User is whom the debugger would run as: UID:GID, UID, or "root".
	User string

	// Guessed says that nothing tells whom the program runs as, so that it may be another user.
	Guessed bool

	// Restricted says that it would have no capability to trace others.
	Restricted bool

	// Notes are for people.
	Notes []string
}

// Rehearse has the cluster check a debugger of the pod, as far as it can without one: who may be
// let in, the user's permissions, and the platform of the node.
func (p *Pod) Rehearse(ctx context.Context, way Way, image Image) (Rehearsal, error) {
	var r Rehearsal
	e, err := newEphemeral(p, image, way, Options{Tell: func(line string) { r.Notes = append(r.Notes, line) }})
	if err != nil {
		return r, err
	}
	if err := e.ready(ctx); err != nil {
		return r, err
	}
	is, err := e.admitted(ctx, e.first)
	r.Restricted = is.restricted
	if is.user == nil && way == WayAttach { // whose image is the program's
		is = p.program()
	}
	r.User, r.Guessed = is.String(), is.guessed
	return r, err
}

// Node is the name of the node that the pod runs on, and its OS/ARCH, empty where the user may not
// read it.
func (p *Pod) Node(ctx context.Context) (name, platform string) {
	name = p.seen.Spec.NodeName
	if name == "" {
		return "", ""
	}
	return name, p.cluster.Platform(ctx, name)
}

// Startup is how the pod starts the program: words instead of the image's entrypoint, words
// instead of its arguments, and a folder instead of its own, of which all may be empty.
func (p *Pod) Startup() (command, args []string, folder string) {
	return p.container.Command, p.container.Args, p.container.WorkingDir
}

// HostPID says that the pod has the processes of its whole node.
func (p *Pod) HostPID() bool { return p.seen.Spec.HostPID }

// Pulled says that the node has told what the image is.
func (p *Pod) Pulled() bool { return len(p.production.Digests) > 0 }

// Pod is the name of the pod.
func (p *Pod) Pod() string { return p.seen.Metadata.Name }
