package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/cluster"
)

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

// admitted is whom the cluster lets the debugger run as: one that must have no capability is the
// program's own user.
func (e *ephemeral) admitted(ctx context.Context, is identity) (identity, error) {
	err := e.rehearse(ctx, is)
	var refused *cluster.PolicyError
	var changed *changedError
	if is.restricted || !errors.As(err, &refused) && !errors.As(err, &changed) {
		return is, err
	}
	rule := "a rule of the cluster"
	if refused != nil && refused.Level != "" {
		rule = "the Pod Security level " + refused.Level
	}
	next := is
	if next.user == nil {
		next = e.pod.program()
	}
	next.restricted = true
	if *next.user == 0 {
		return is, &Problem{Line: fmt.Sprintf("%s, and the program of %s runs as root: %s", err, e.pod.Name(), inPod.instead), Cause: err}
	}
	if again := e.rehearse(ctx, next); again != nil {
		if refused != nil && refused.Level == "" { // it was not the capability
			return is, err
		}
		return next, again
	}
	e.options.Tell(fmt.Sprintf("%s allows no SYS_PTRACE: the debugger runs as the program's user %s without it, which works where the node's kernel.yama.ptrace_scope is 0", rule, next))
	return next, nil
}

// rehearse asks whether the cluster takes a debugger, and as it is: what adds it to a pod cannot
// take it away again.
func (e *ephemeral) rehearse(ctx context.Context, is identity) error {
	spec, err := e.specFor(is)
	if err != nil {
		return err
	}
	added, err := e.pod.cluster.AddEphemeral(ctx, e.pod.seen.Metadata.Name, spec, true)
	if err != nil {
		return err
	}
	own := int64(0) // of a sidecar's image
	if e.way == WayAttach {
		own = *e.pod.program().user
	}
	return changed(spec.Profile, added.Profile, own, *e.pod.program().user)
}
