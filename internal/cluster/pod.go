package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Pod is what is read of a pod (k8s.io/api/core/v1, Pod).
type Pod struct {
	Metadata struct {
		Name, Namespace, UID string
		Annotations          map[string]string
		DeletionTimestamp    *time.Time
	}
	Spec struct {
		NodeName     string
		NodeSelector map[string]string
		OS           *struct{ Name string }

		SecurityContext       SecurityContext
		ShareProcessNamespace bool
		HostPID               bool

		Containers          []Container
		InitContainers      []Container
		EphemeralContainers []Ephemeral
	}
	Status struct {
		Phase, Reason, Message     string
		Conditions                 []Condition
		ContainerStatuses          []ContainerStatus
		InitContainerStatuses      []ContainerStatus
		EphemeralContainerStatuses []ContainerStatus
	}

	// Manifest is the whole pod as JSON.
	Manifest []byte `json:"-"`
}

// Condition is one of a pod's: why it does not run.
type Condition struct{ Type, Status, Reason, Message string }

// Container is what is read of a container's specification.
type Container struct {
	Name, Image   string
	Command, Args []string
	WorkingDir    string
	Env           []struct{ Name, Value string }
	Ports         []struct {
		Name, Protocol string
		ContainerPort  int
	}

	// SecurityContext is the container's own.
	SecurityContext SecurityContext
}

// SecurityContext is what is read of one.
type SecurityContext struct {
	RunAsUser, RunAsGroup *int64
	RunAsNonRoot          *bool
}

// ContainerStatus is what a node says of a container.
type ContainerStatus struct {
	Name, Image, ImageID, ContainerID string
	RestartCount                      int
	Ready                             bool
	State, LastState                  State

	// User is that of its first process, nil where the node does not tell (before Kubernetes
	// 1.31, and with runtimes that do not tell it).
	User *struct{ Linux *struct{ UID, GID int64 } }
}

// State is that of a container: one of them is set.
type State struct {
	Waiting    *struct{ Reason, Message string }
	Running    *struct{ StartedAt time.Time }
	Terminated *Terminated
}

// Terminated is how a container has ended.
type Terminated struct {
	ExitCode        int
	Reason, Message string
}

// Container is a container of the pod by its name, and what its node says of it, of which all
// may be empty. An init container is one too.
func (p *Pod) Container(name string) (c Container, status ContainerStatus, has bool) {
	for _, c := range slices.Concat(p.Spec.Containers, p.Spec.InitContainers) {
		if c.Name == name {
			return c, p.status(name), true
		}
	}
	return c, status, false
}

func (p *Pod) status(name string) ContainerStatus {
	for _, s := range slices.Concat(p.Status.ContainerStatuses, p.Status.InitContainerStatuses) {
		if s.Name == name {
			return s
		}
	}
	return ContainerStatus{}
}

// Ephemeral is what the node says of an ephemeral container, nothing before it knows it.
func (p *Pod) Ephemeral(name string) State {
	for _, s := range p.Status.EphemeralContainerStatuses {
		if s.Name == name {
			return s.State
		}
	}
	return State{}
}

// Mirror says that a node's own file makes the pod, which the cluster only shows.
func (p *Pod) Mirror() bool { return p.Metadata.Annotations["kubernetes.io/config.mirror"] != "" }

// Windows says that the pod says that it is for Windows.
func (p *Pod) Windows() bool {
	return p.Spec.OS != nil && p.Spec.OS.Name == "windows" || p.Spec.NodeSelector[osLabel] == "windows"
}

// Labels of nodes that say what they are.
const (
	osLabel   = "kubernetes.io/os"
	archLabel = "kubernetes.io/arch"
)

// Pod reads a pod.
func (c *Cluster) Pod(ctx context.Context, name string) (*Pod, error) {
	p := &Pod{}
	body, err := c.ask(ctx, request{method: http.MethodGet, path: c.path("pods", url.PathEscape(name))}, p)
	if err != nil {
		return nil, c.notFound(ctx, "pod "+name, err)
	}
	p.Manifest = body
	return p, nil
}

// Pods are the pods that have labels, or all of the namespace.
func (c *Cluster) Pods(ctx context.Context, selector string) ([]Pod, error) {
	var list struct{ Items []Pod }
	r := request{method: http.MethodGet, path: c.path("pods"), query: url.Values{}}
	if selector != "" {
		r.query.Set("labelSelector", selector)
	}
	_, err := c.ask(ctx, r, &list)
	return list.Items, err
}

// Platform is OS/ARCH of a node, empty where the user may not read it.
func (c *Cluster) Platform(ctx context.Context, node string) string {
	var n struct {
		Metadata struct{ Labels map[string]string }
	}
	if _, err := c.ask(ctx, request{method: http.MethodGet, path: "/api/v1/nodes/" + url.PathEscape(node)}, &n); err != nil {
		return ""
	}
	os, arch := n.Metadata.Labels[osLabel], n.Metadata.Labels[archLabel]
	if os == "" || arch == "" {
		return ""
	}
	return os + "/" + arch
}

// Ephemeral is an ephemeral container to be (k8s.io/api/core/v1, EphemeralContainer).
type Ephemeral struct {
	Name    string          `json:"name"`
	Image   string          `json:"image"`
	Target  string          `json:"targetContainerName"`
	Command []string        `json:"command,omitempty"`
	Args    []string        `json:"args,omitempty"`
	Env     []EnvVar        `json:"env,omitempty"`
	Pull    string          `json:"imagePullPolicy,omitempty"`
	Policy  string          `json:"terminationMessagePolicy,omitempty"`
	Profile json.RawMessage `json:"securityContext,omitempty"`
}

// EnvVar is a variable of the environment.
type EnvVar struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// admissionLimit is how long the cluster may take to admit a container: a rule of its own may take
// 30 seconds (k8s.io/api/admissionregistration/v1, timeoutSeconds).
const admissionLimit = 40 * time.Second

// AddEphemeral adds an ephemeral container to a pod, as `kubectl debug` does, and returns it as the
// cluster has it, whose rules may have changed it. With try nothing is changed: the cluster says
// what it would do. What its rules refuse is a [*PolicyError].
func (c *Cluster) AddEphemeral(ctx context.Context, pod string, e Ephemeral, try bool) (added Ephemeral, err error) {
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"ephemeralContainers": []Ephemeral{e}}})
	if err != nil {
		return added, err
	}
	r := request{
		method: http.MethodPatch, path: c.path("pods", url.PathEscape(pod), "ephemeralcontainers"), query: url.Values{},
		contentType: string(types.StrategicMergePatchType), body: patch, limit: admissionLimit,
	}
	if try {
		r.query.Set("dryRun", "All")
	}
	var now Pod
	if _, err := c.ask(ctx, r, &now); err != nil {
		return added, c.notFound(ctx, "pod "+pod+" with ephemeral containers, which Kubernetes 1.25 and newer ones have,", policy(err))
	}
	for _, one := range now.Spec.EphemeralContainers {
		if one.Name == e.Name {
			return one, nil
		}
	}
	return added, fmt.Errorf("the cluster %s answers with a pod %s without the debugger", c.Server, pod)
}

// Logs is what a container has printed.
func (c *Cluster) Logs(ctx context.Context, pod, container string) (string, error) {
	body, err := c.ask(ctx, request{method: http.MethodGet, path: c.path("pods", pod, "log"), query: url.Values{"container": {container}, "tailLines": {"200"}}}, nil)
	return string(body), err
}

// Version is the cluster's, such as "v1.34.1".
func (c *Cluster) Version(ctx context.Context) (string, error) {
	var answer struct{ GitVersion string }
	_, err := c.ask(ctx, request{method: http.MethodGet, path: "/version"}, &answer)
	return answer.GitVersion, err
}

// Why says why a pod does not run, in one line, "" where it does.
func (p *Pod) Why() string {
	if p.Metadata.DeletionTimestamp != nil {
		return "it is being deleted"
	}
	if p.Status.Phase == "Running" {
		return ""
	}
	why := []string{p.Status.Phase}
	add := func(text string) {
		if text != "" && !slices.Contains(why, text) {
			why = append(why, text)
		}
	}
	add(p.Status.Reason)
	add(p.Status.Message)
	for _, one := range p.Status.Conditions {
		if one.Status != "True" && one.Type == "PodScheduled" {
			add(one.Reason)
			add(one.Message)
		}
	}
	for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if w := s.State.Waiting; w != nil && w.Reason != "PodInitializing" {
			add(fmt.Sprintf("%s of container %s", w.Reason, s.Name))
			add(w.Message)
		}
	}
	return strings.Join(why, ", ")
}
