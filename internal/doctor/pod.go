package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/cluster"
	"github.com/dlvgen/dlvgen/internal/session"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/dlvgen/dlvgen/variants/delve"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func (d *Doctor) cluster(ctx context.Context) (*cluster.Cluster, error) {
	return d.clusterFact.get(ctx, func(context.Context) (*cluster.Cluster, error) { return d.Connect(d.waits) })
}

// podTarget finds a container of a pod.
func (d *Doctor) podTarget(ctx context.Context) (*target, error) {
	c, err := d.cluster(ctx)
	if err != nil {
		return nil, err
	}
	t := &target{}
	if t.pod, err = d.OpenPod(ctx, d.finder(nil, func(note string) { t.notes = append(t.notes, note) }), c); err != nil {
		return nil, err
	}
	t.name, t.production = t.pod.Name(), t.pod.Production()
	return t, nil
}

// checkPod says what the container of a pod is, and whether it runs.
func (d *Doctor) checkPod(ctx context.Context, t *target, what string) finding {
	text := fmt.Sprintf("%s is a container of the %s %s", t.name, what, t.production)
	if state := t.pod.Situation().State; state != "" {
		return withDetails(failed("see "+d.kubectl(ctx, "describe", "pod/"+t.pod.Pod()), "%s, and it does not run: %s", text, state), t.notes...)
	}
	return withDetails(found("%s", text), t.notes...)
}

// notPulled says why nothing is known of the image of a pod.
func (t *target) notPulled() string {
	return "the node has not pulled " + t.production.Name + ", or has it from no registry"
}

// kubectl is a command that means the same cluster and namespace.
func (d *Doctor) kubectl(ctx context.Context, words ...string) string {
	c, err := d.cluster(ctx)
	if err != nil {
		return "`kubectl " + strings.Join(words, " ") + "`"
	}
	return "`" + strings.Join(c.Kubectl(words...), " ") + "`"
}

// podRemedy is what to do where a pod was not found: what the error does not say itself.
func (d *Doctor) podRemedy(ctx context.Context, err error) string {
	var none *cluster.NotFoundError
	if !errors.As(err, &none) {
		return ""
	}
	return "name a pod, or a workload that has some: " + d.kubectl(ctx, "get", "pods")
}

// podStartup is how a pod starts the program of an image.
func (t *target) podStartup(c v1.Config) startup {
	command, args, folder := t.pod.Startup()
	s := startup{slices.Clone(command), c.Env, c.WorkingDir}
	if folder != "" {
		s.folder = folder
	}
	if len(command) == 0 {
		s.words = slices.Clone(c.Entrypoint)
		if len(args) == 0 {
			args = c.Cmd
		}
	}
	s.words = append(s.words, args...)
	return s
}

// checkCluster asks the cluster for its version.
func (d *Doctor) checkCluster(ctx context.Context) finding {
	c, err := d.cluster(ctx)
	if err != nil {
		return failedWith("", err)
	}
	where := fmt.Sprintf("at %s, the context %q, the namespace %s", c.Server, c.Context, c.Namespace)
	version, err := c.Version(ctx)
	switch {
	case cluster.Refused(err):
		return found("Kubernetes %s; it does not tell its version", where)
	case err != nil:
		return failedWith("", err)
	}
	return found("Kubernetes %s %s", version, where)
}

// permission is one that `dlvgen debug` asks a cluster for. Without those that are not needed, it
// goes on without what they are for.
type permission struct {
	cluster.Permission
	needed bool
	why    string
}

// permissions are those for a target, nil where it was not found.
func (d *Doctor) permissions(t *target) []permission {
	name, adds := "", true
	switch {
	case t != nil:
		name, adds = t.pod.Pod(), !t.labels().Kind.Listens()
	case d.Object.Kind == "pod":
		name = d.Object.Name
	}
	of := func(verb, resource string) cluster.Permission {
		return cluster.Permission{Verb: verb, Resource: resource, Name: name}
	}
	all := []permission{{of("get", "pods"), true, "to look at the pod"}}
	if d.Object.Kind != "pod" {
		all = append(all, permission{d.Object.Reads(), true, "to find its pods"},
			permission{cluster.Permission{Verb: "list", Resource: "pods"}, true, "to find the pods of a workload"})
	}
	if adds {
		all = append(all, permission{of("patch", "pods/ephemeralcontainers"), true, "to add the debugger"})
	}
	return append(all,
		permission{of("create", "pods/portforward"), true, "to reach the debugger"},
		permission{of("get", "pods/log"), false, "to say why a debugger has ended"},
		permission{of("get", "pods/exec"), false, "for the prompt where this machine has no dlv in PATH"},
		permission{of("create", "pods/exec"), false, "for the same, in Kubernetes 1.35 and newer ones"})
}

// checkPermissions asks what the user may do.
func (d *Doctor) checkPermissions(ctx context.Context) finding {
	c, err := d.cluster(ctx)
	if err != nil {
		return skipped("there is no cluster")
	}
	t, err := d.target(ctx)
	var none *cluster.NotFoundError
	if errors.As(err, &none) {
		return noTarget()
	}
	var missing []string
	needed := false
	for _, one := range d.permissions(t) {
		allowed, err := c.Allows(ctx, one.Permission)
		switch {
		case err != nil:
			return warning("", "the cluster does not tell what you may do: %s", err)
		case allowed:
			continue
		}
		needed = needed || one.needed
		missing = append(missing, one.String()+", "+one.why)
	}
	grant := "an administrator grants them: `" + strings.Join(cluster.Grant(c.Namespace, ""), "`, `") + "`"
	switch {
	case len(missing) == 0:
		return found("you may do what debugging needs in the namespace %s", c.Namespace)
	case needed:
		return withDetails(failed(grant, "you may not debug %s: permissions are missing", d.Target), missing...)
	}
	return withDetails(warning(grant, "you may debug %s; permissions that help are missing", d.Target), missing...)
}

// checkNode compares the platform of the pod's node with those that debuggers are for.
func (d *Doctor) checkNode(ctx context.Context) finding {
	t, err := d.target(ctx)
	if err != nil {
		return noTarget()
	}
	name, platform := t.pod.Node(ctx)
	os, arch, _ := strings.Cut(platform, "/")
	switch {
	case name == "":
		return skipped("%s has no node yet", t.name)
	case platform == "":
		return skipped("the node %s does not tell its platform: you may not read nodes, or it has no labels", name)
	case !delve.Ships(os, arch):
		return failed("run it on a node of "+delve.Shipped, "the node %s is %s, for which dlvgen has no Delve", name, platform)
	}
	return found("the node %s is %s", name, platform)
}

// checkDebugger has the cluster check the debugger that `dlvgen debug` would add, without a change.
func (d *Doctor) checkDebugger(ctx context.Context) finding {
	t, err := d.target(ctx)
	if err != nil {
		return noTarget()
	}
	kind, image := t.labels().Kind, session.Image{}
	switch {
	case t.pod.Situation().State != "":
		return skipped("%s does not run", t.name)
	case kind.Listens():
		return found("%s has a debugger of its own: `dlvgen debug` forwards its port", t.name)
	case kind == "":
		all, err := d.images(ctx)
		if err != nil {
			return skipped("its debug images could not be looked up: %s", err)
		}
		if len(all.found) == 0 || all.found[0].Labels.Kind != variants.KindSidecar {
			if all.missing[0].Unread != nil {
				return skipped("its debug images could not be looked up: %s", all.missing[0].Unread)
			}
			return skipped("there is no sidecar of %s", t.production)
		}
		image = all.found[0]
	}
	way := session.WaySidecar
	if kind == variants.KindAttach {
		way = session.WayAttach
	}
	r, err := t.pod.Rehearse(ctx, way, image)
	if err != nil {
		return withDetails(failedWith("", err), r.Notes...)
	}
	return withDetails(t.rehearsed(r), r.Notes...)
}

// rehearsed says what became of a debugger that the cluster has checked.
func (t *target) rehearsed(r session.Rehearsal) finding {
	with := "with the capability SYS_PTRACE"
	if r.Restricted {
		with = "without the capability SYS_PTRACE"
	}
	text := fmt.Sprintf("the cluster lets a debugger into %s as the user %s, %s", t.name, r.User, with)
	if r.Guessed {
		text += "; nothing tells whom the program runs as: if it is another user, a second debugger is started as that one"
	}
	switch {
	case r.Restricted:
		return warning("if it fails, run it where the namespace allows SYS_PTRACE, or where kernel.yama.ptrace_scope of the node is 0", "%s", text)
	case t.pod.HostPID():
		return warning("choose the process with `dlvgen debug --pid` or `--program` if several may be meant", "%s; the pod has the processes of its whole node", text)
	}
	return found("%s", text)
}
