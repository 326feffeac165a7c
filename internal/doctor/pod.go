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
func (t *target) checkPod(what string) finding {
	text := fmt.Sprintf("%s is a container of the %s %s", t.name, what, t.production)
	if state := t.pod.Situation().State; state != "" {
		return withDetails(failed("see `kubectl describe "+podOf(t.name)+"`", "%s, and it does not run: %s", text, state), t.notes...)
	}
	return withDetails(found("%s", text), t.notes...)
}

// podOf is pod/NAME of a name that may have a container's behind it.
func podOf(name string) string {
	pod, _, _ := strings.Cut(name, " ")
	return pod
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
		return failed("see `kubectl config get-contexts`", "%s", err)
	}
	version, err := c.Version(ctx)
	if err != nil {
		return failed("see `kubectl version`", "%s", err)
	}
	return found("Kubernetes %s at %s, the context %q, the namespace %s", version, c.Server, c.Context, c.Namespace)
}

// permissions are what `dlvgen debug` asks a cluster for. Without those that are not needed, it
// goes on without what they are for.
var permissions = []struct {
	verb, subresource string
	needed            bool
	why               string
}{
	{"get", "", true, "to look at the pod"},
	{"patch", "ephemeralcontainers", true, "to add the debugger"},
	{"create", "portforward", true, "to reach the debugger"},
	{"list", "", false, "to find the pods of a workload, and names"},
	{"get", "log", false, "to say why a debugger has ended"},
	{"create", "exec", false, "for the prompt where this machine has no dlv in PATH"},
}

// checkPermissions asks what the user may do.
func (d *Doctor) checkPermissions(ctx context.Context) finding {
	c, err := d.cluster(ctx)
	if err != nil {
		return skipped("there is no cluster")
	}
	var missing []string
	needed := false
	for _, one := range permissions {
		allowed, err := c.Allows(ctx, one.verb, one.subresource)
		switch {
		case err != nil:
			return warning("", "the cluster does not tell what you may do: %s", err)
		case allowed:
			continue
		}
		needed = needed || one.needed
		missing = append(missing, fmt.Sprintf("%s %s, %s", one.verb, cluster.PodResource(one.subresource), one.why))
	}
	const user = "USER"
	grant := "an administrator grants them: `" + strings.Join(cluster.Grant(c.Namespace, user), "`, `") + "`"
	switch {
	case len(missing) == 0:
		return found("you may add a debugger to the pods of the namespace %s, and reach it", c.Namespace)
	case needed:
		return withDetails(failed(grant, "you may not debug the pods of the namespace %s: permissions are missing", c.Namespace), missing...)
	}
	return withDetails(warning(grant, "you may debug the pods of the namespace %s; permissions that help are missing", c.Namespace), missing...)
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
		return skipped("you may not read the node %s, which says its platform", name)
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
	case kind.Serves():
		return found("%s has a debugger of its own: `dlvgen debug` forwards its port", t.name)
	case t.pod.Situation().State != "":
		return skipped("%s does not run", t.name)
	case kind == "":
		all, err := d.images(ctx)
		if err != nil {
			return skipped("its debug images could not be looked up: %s", err)
		}
		if len(all.found) == 0 || all.found[0].Labels.Kind != variants.KindSidecar {
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
		f := failed("", "%s", err)
		var more interface{ Details() string }
		if errors.As(err, &more) && more.Details() != "" {
			f = withDetails(f, more.Details())
		}
		return withDetails(f, r.Notes...)
	}
	if r.Restricted {
		return withDetails(warning("if it fails, run it where the namespace allows SYS_PTRACE, or where kernel.yama.ptrace_scope of the node is 0",
			"the cluster lets a debugger into %s as the user %s, without the capability SYS_PTRACE", t.name, r.User), r.Notes...)
	}
	return withDetails(found("the cluster lets a debugger into %s as the user %s, with the capability SYS_PTRACE", t.name, r.User), r.Notes...)
}
