package session

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/cluster"
	"github.com/dlvgen/dlvgen/internal/kubernetes"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
)

// Pod is a [Target]: a container of a pod of Kubernetes.
type Pod struct {
	cluster    *cluster.Cluster
	seen       *cluster.Pod
	container  cluster.Container
	status     cluster.ContainerStatus
	workload   *kubernetes.Workload
	images     []registry.PlatformImage // of production, none where its registry does not tell
	production Production
	finder     Finder
	journals   Journals
}

// OpenPod looks at a container of a pod, or of one of a workload's pods. The name of the container
// is empty for the only one.
func (f Finder) OpenPod(ctx context.Context, c *cluster.Cluster, o cluster.Object, container string, j Journals) (*Pod, error) {
	name := o.Name
	if o.Kind != "pod" {
		var err error
		if name, err = f.podOf(ctx, c, o); err != nil {
			return nil, err
		}
	}
	seen, err := c.Pod(ctx, name)
	var none *cluster.NotFoundError
	if errors.As(err, &none) {
		return nil, nearPod(ctx, c, name, err)
	}
	if err != nil {
		return nil, err
	}
	p := &Pod{cluster: c, seen: seen, finder: f, journals: j}
	if err := p.check(); err != nil {
		return nil, err
	}
	if p.container.Name, err = chooseContainer(seen, container); err != nil {
		return nil, err
	}
	p.container, p.status, _ = seen.Container(p.container.Name)
	if err := p.readManifest(); err != nil {
		return nil, err
	}
	return p, p.readImage(ctx)
}

// nearPod adds a pod of a similar name to the error.
func nearPod(ctx context.Context, c *cluster.Cluster, name string, err error) error {
	list, listErr := c.Pods(ctx, "")
	if listErr != nil || len(list) == 0 {
		return err
	}
	var names []string
	for _, one := range list {
		names = append(names, one.Metadata.Name)
	}
	return fmt.Errorf("%w: did you mean %s?", err, variants.Nearest(name, names))
}

// podOf is a pod of a workload: one that runs and is ready, if there is one.
func (f Finder) podOf(ctx context.Context, c *cluster.Cluster, o cluster.Object) (string, error) {
	list, err := c.PodsOf(ctx, o)
	if err != nil {
		return "", err
	}
	var running, others []string
	slices.SortStableFunc(list, func(a, b cluster.Pod) int { return notReady(a) - notReady(b) })
	for _, one := range list {
		if why := one.Why(); why != "" {
			others = append(others, fmt.Sprintf("%s (%s)", one.Metadata.Name, why))
		} else {
			running = append(running, one.Metadata.Name)
		}
	}
	switch {
	case len(running) > 1:
		f.Tell(fmt.Sprintf("%s has the pods %s: the first is debugged", o, strings.Join(running, ", ")))
	case len(running) == 0 && len(others) > 0:
		return "", fmt.Errorf("no pod of %s runs: %s", o, strings.Join(others, ", "))
	case len(running) == 0:
		return "", fmt.Errorf("%s has no pods: look at `%s`", o, strings.Join(c.Kubectl("describe", o.String()), " "))
	}
	return running[0], nil
}

func notReady(p cluster.Pod) int {
	for _, s := range p.Status.ContainerStatuses {
		if !s.Ready {
			return 1
		}
	}
	return 0
}

// check refuses pods that no debugger can be added to.
func (p *Pod) check() error {
	name := p.seen.Metadata.Name
	switch {
	case p.seen.Mirror():
		return fmt.Errorf("the pod %s is a static pod, which comes from a file of its node %s: a cluster adds no ephemeral containers to it; change that file as `dlvgen kube` does", name, p.seen.Spec.NodeName)
	case p.seen.Windows():
		return fmt.Errorf("the pod %s is for Windows: Delve's sidecar debugs programs of Linux", name)
	}
	return nil
}

// chooseContainer is the container of the name, or the only one, or that which the pod says is
// meant by default.
func chooseContainer(p *cluster.Pod, name string) (string, error) {
	var names, initial []string
	for _, c := range p.Spec.Containers {
		names = append(names, c.Name)
	}
	for _, c := range p.Spec.InitContainers {
		initial = append(initial, c.Name)
	}
	all := strings.Join(names, ", ")
	if len(initial) > 0 {
		all += ", and the init containers " + strings.Join(initial, ", ")
	}
	byDefault := p.Metadata.Annotations["kubectl.kubernetes.io/default-container"]
	switch {
	case name != "" && !slices.Contains(slices.Concat(names, initial), name):
		return "", fmt.Errorf("the pod %s has no container %s: there are %s", p.Metadata.Name, name, all)
	case name != "":
		return name, nil
	case len(names) == 1:
		return names[0], nil
	case slices.Contains(names, byDefault):
		return byDefault, nil
	}
	return "", fmt.Errorf("the pod %s has several containers: choose one with -c: %s", p.Metadata.Name, all)
}

// readManifest reads what a debugger needs to know of the pod's rules.
func (p *Pod) readManifest() error {
	manifests, err := kubernetes.Read(bytes.NewReader(p.seen.Manifest), "the pod "+p.seen.Metadata.Name)
	if err != nil {
		return err
	}
	list, err := manifests.Workloads()
	if err == nil && len(list) != 1 {
		err = fmt.Errorf("the cluster answers with no pod for %s", p.seen.Metadata.Name)
	}
	if err != nil {
		return err
	}
	p.workload = list[0]
	return nil
}

// readImage reads what the pod says of the image that runs, and what its registry does.
func (p *Pod) readImage(ctx context.Context) error {
	id := p.status.ImageID
	if _, rest, ok := strings.Cut(id, "://"); ok { // docker-pullable://
		id = rest
	}
	var digests []string
	if _, digest, ok := strings.Cut(id, "@"); ok {
		digests = append(digests, id)
		// A node may know it under another name too.
		if ref, _, err := registry.ParseImage(p.container.Image); err == nil && ref.Repository()+"@"+digest != id {
			digests = slices.Insert(digests, 0, ref.Repository()+"@"+digest)
		}
		id = digest
	}
	p.production = newProduction(p.container.Image, id, nil, digests)
	if len(digests) == 0 {
		p.finder.Tell(fmt.Sprintf("the node tells no digest of %s: it has not pulled it yet, or has it from no registry", p.container.Image))
		return nil
	}
	labels, err := p.published(ctx, digests)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		p.finder.Tell(fmt.Sprintf("what %s is could not be asked: %s", p.container.Image, err))
		return nil
	case !variants.Ours(labels):
		return nil
	}
	if p.production.Labels, err = variants.ParseLabels(labels); err != nil {
		return fmt.Errorf("the image %s has %w", p.container.Image, err)
	}
	return nil
}

// published reads what a registry says of the image under the first of its digests that is found.
func (p *Pod) published(ctx context.Context, digests []string) (labels map[string]string, err error) {
	for _, one := range digests {
		ref, digest, parseErr := registry.ParseImage(one)
		if parseErr != nil {
			err = cmp.Or(err, parseErr)
			continue
		}
		found, foundErr := p.finder.Registry.Labels(ctx, ref, digest)
		if foundErr == nil {
			_, p.images, foundErr = p.finder.Registry.Images(ctx, ref, digest)
		}
		if foundErr == nil {
			return found, nil
		}
		err = cmp.Or(err, foundErr)
	}
	return nil, err
}

// mayForward asks whether the user may have a port of the pod forwarded.
func (p *Pod) mayForward(ctx context.Context) error {
	return p.cluster.May(ctx, cluster.Permission{Verb: "create", Resource: "pods/portforward", Name: p.seen.Metadata.Name})
}

// Name implements [Target].
func (p *Pod) Name() string {
	if len(p.seen.Spec.Containers) == 1 && p.container.Name == p.seen.Spec.Containers[0].Name {
		return "pod/" + p.seen.Metadata.Name
	}
	return fmt.Sprintf("pod/%s (%s)", p.seen.Metadata.Name, p.container.Name)
}

// Production implements [Target].
func (p *Pod) Production() Production { return p.production }

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

// Situation implements [Target].
func (p *Pod) Situation() Situation {
	return Situation{Name: p.Name(), Pod: true, Kind: p.production.Labels.Kind, State: p.why()}
}

// why says why the container does not run, "" where it does.
func (p *Pod) why() string {
	state, last := p.status.State, p.status.LastState.Terminated
	logs := func(more ...string) string {
		words := append([]string{"logs", p.seen.Metadata.Name, "-c", p.container.Name}, more...)
		return "see `" + strings.Join(p.cluster.Kubectl(words...), " ") + "`"
	}
	switch {
	case p.seen.Metadata.DeletionTimestamp != nil:
		return p.seen.Why()
	case state.Running != nil:
		return ""
	case last != nil && p.status.RestartCount > 0:
		return fmt.Sprintf("it has ended %d times, with exit code %d at last: %s", p.status.RestartCount+1, last.ExitCode, logs("--previous"))
	case state.Waiting != nil && state.Waiting.Reason != "PodInitializing" && state.Waiting.Reason != "ContainerCreating":
		return strings.TrimSuffix(state.Waiting.Reason+": "+state.Waiting.Message, ": ")
	case state.Terminated != nil:
		return fmt.Sprintf("it has ended with exit code %d (%s): %s", state.Terminated.ExitCode, state.Terminated.Reason, logs())
	}
	if why := p.seen.Why(); why != "" {
		return why
	}
	return "its node does not say that it does"
}

// Debugger implements [Target].
func (p *Pod) Debugger(way Way, image Image, o Options) (Debugger, error) {
	switch way {
	case WayConnect:
		return newPodConnected(p, o)
	case WaySidecar, WayAttach:
		e, err := newEphemeral(p, image, way, o)
		if err != nil {
			return nil, err
		}
		return e, nil
	}
	return nil, fmt.Errorf("a pod cannot be debugged by the way %q", way)
}

// checkPlatform refuses a debug image for other platforms than that of the pod's node, as far as
// the cluster and the registry tell.
func (p *Pod) checkPlatform(ctx context.Context, image Image) error {
	node := p.cluster.Platform(ctx, p.seen.Spec.NodeName)
	ref, digest, err := registry.ParseImage(image.Ref)
	if node == "" || err != nil || image.Local {
		return nil
	}
	_, list, err := p.finder.Registry.Resolve(ctx, ref, digest)
	if err != nil {
		return nil // its node may reach the registry
	}
	var has []string
	for _, one := range list {
		is := path.Join(one.OS, one.Architecture)
		if is == node {
			return nil
		}
		has = append(has, is)
	}
	return fmt.Errorf("%s is for %s, and the node %s of %s is %s: build it with --platform %[5]s", image.Ref, strings.Join(has, ", "), p.seen.Spec.NodeName, p.Name(), node)
}

// ended says why there is nothing to debug any more, "" while the container runs as it did.
// What the cluster does not answer, it may answer later.
func (p *Pod) ended(ctx context.Context) (now *cluster.Pod, reason string) {
	now, err := p.cluster.Pod(ctx, p.seen.Metadata.Name)
	var none *cluster.NotFoundError
	switch {
	case errors.As(err, &none), err == nil && now.Metadata.UID != p.seen.Metadata.UID:
		return nil, fmt.Sprintf("the pod %s was deleted", p.seen.Metadata.Name)
	case err != nil:
		return nil, ""
	}
	_, status, _ := now.Container(p.container.Name)
	switch {
	case status.State.Terminated != nil:
		return now, fmt.Sprintf("the program of %s has ended with exit code %d", p.Name(), status.State.Terminated.ExitCode)
	case status.ContainerID != p.status.ContainerID:
		return now, fmt.Sprintf("the container of %s was started again", p.Name())
	}
	return now, ""
}
