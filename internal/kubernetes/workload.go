package kubernetes

import (
	"fmt"
	"regexp"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// podSpecs are the kinds that have containers, and where. A kind of another group that has one
// of these names is another kind.
var podSpecs = map[string]struct {
	version *regexp.Regexp
	fields  []string
}{
	"Pod":                   {core, []string{"spec"}},
	"ReplicationController": {core, template3},
	"Deployment":            {apps, template3},
	"ReplicaSet":            {apps, template3},
	"StatefulSet":           {apps, template3},
	"DaemonSet":             {apps, template3},
	"Job":                   {batch, template3},
	"CronJob":               {batch, []string{"spec", "jobTemplate", "spec", "template", "spec"}},
}

var (
	core      = regexp.MustCompile(`^v1$`)
	apps      = regexp.MustCompile(`^(apps|extensions)/`)
	batch     = regexp.MustCompile(`^batch/`)
	template3 = []string{"spec", "template", "spec"}
)

// Workload is an object that has containers.
type Workload struct {
	Kind, Name, Namespace string

	object   *yaml.RNode
	path     []string // of the pod's specification
	pod      podSpec
	deadline bool // a job is ended after some time
	patch    podPatch
}

// deadlineField is how long a pod or a job may run.
const deadlineField = "activeDeadlineSeconds"

// podSpec is what is read of a pod's specification.
type podSpec struct {
	HostNetwork           bool            `yaml:"hostNetwork"`
	ActiveDeadlineSeconds *int64          `yaml:"activeDeadlineSeconds"`
	SecurityContext       securityContext `yaml:"securityContext"`
	InitContainers        []container     `yaml:"initContainers"`
	Containers            []container     `yaml:"containers"`
}

type securityContext struct {
	RunAsUser    *int64       `yaml:"runAsUser"`
	RunAsNonRoot *bool        `yaml:"runAsNonRoot"`
	Capabilities capabilities `yaml:"capabilities"`
}

type container struct {
	Name            string          `yaml:"name"`
	Image           string          `yaml:"image"`
	RestartPolicy   string          `yaml:"restartPolicy"`
	Command         []string        `yaml:"command"`
	Env             []variable      `yaml:"env"`
	Ports           []port          `yaml:"ports"`
	LivenessProbe   *probe          `yaml:"livenessProbe"`
	ReadinessProbe  *probe          `yaml:"readinessProbe"`
	StartupProbe    *probe          `yaml:"startupProbe"`
	SecurityContext securityContext `yaml:"securityContext"`
}

type variable struct {
	Name      string `yaml:"name"`
	Value     string `yaml:"value"`
	ValueFrom any    `yaml:"valueFrom,omitempty"`
}

type port struct {
	Name          string `yaml:"name,omitempty"`
	ContainerPort int    `yaml:"containerPort"`
	Protocol      string `yaml:"protocol,omitempty"`
}

type probe struct {
	FailureThreshold int `yaml:"failureThreshold"`
}

// String names it as kubectl does.
func (w *Workload) String() string { return w.Kind + " " + w.Name }

// read reads the pod's specification.
func (w *Workload) read() error {
	spec, err := w.object.Pipe(yaml.Lookup(w.path...))
	if err != nil {
		return fmt.Errorf("%s: %w", w, err)
	}
	if spec == nil {
		return nil
	}
	if n := len(w.path); n > 1 {
		deadline, err := w.object.Pipe(yaml.Lookup(append(slices.Clip(w.path[:n-2]), deadlineField)...))
		if err != nil {
			return fmt.Errorf("%s: %w", w, err)
		}
		w.deadline = deadline != nil
	}
	if err := spec.YNode().Decode(&w.pod); err != nil {
		return fmt.Errorf("%s: %w", w, err)
	}
	return nil
}

// Container is one of a workload.
type Container struct {
	Name, Image string

	// Init says that the pod waits for its end, or that it starts ahead of the others.
	Init bool
}

// Containers are those of the workload: those that run all the time first. Sidecars that an
// earlier change added are none.
func (w *Workload) Containers() (list []Container) {
	for _, c := range w.pod.Containers {
		if !w.isSidecar(c) {
			list = append(list, Container{c.Name, c.Image, false})
		}
	}
	for _, c := range w.pod.InitContainers {
		list = append(list, Container{c.Name, c.Image, true})
	}
	return list
}

// isSidecar says that the container debugs another one.
func (w *Workload) isSidecar(c container) bool {
	return c.debugged() && slices.ContainsFunc(slices.Concat(w.pod.Containers, w.pod.InitContainers), func(other container) bool {
		return other.Name != c.Name && sidecarName(other.Name) == c.Name
	})
}

// find is a container by its name.
func (w *Workload) find(name string) (c container, initial bool, err error) {
	for _, list := range [][]container{w.pod.Containers, w.pod.InitContainers} {
		if i := slices.IndexFunc(list, func(c container) bool { return c.Name == name }); i >= 0 {
			return list[i], initial, nil
		}
		initial = true
	}
	return container{}, false, fmt.Errorf("%s has no container %s", w, name)
}
