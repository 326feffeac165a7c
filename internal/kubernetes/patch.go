package kubernetes

import (
	"fmt"
	"io"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Changed says that containers of the workload are debugged.
func (w *Workload) Changed() bool { return len(w.patch.Containers)+len(w.patch.InitContainers) > 0 }

// Apply makes the changes in the manifests.
func (w *Workload) Apply() error {
	patch, err := w.patchNode()
	if err != nil {
		return err
	}
	merge(w.object.YNode(), patch.YNode())
	return nil
}

// WritePatch writes the changes of workloads as strategic merge patches, as `kubectl patch` and
// kustomize take them.
func WritePatch(out io.Writer, workloads ...*Workload) error {
	var patches []*yaml.RNode
	for _, w := range workloads {
		if w.Name == "" {
			return fmt.Errorf("a %s without a name cannot be patched: name it, or leave out --patch", w.Kind)
		}
		patch, err := w.patchNode()
		if err != nil {
			return err
		}
		patches = append(patches, patch)
	}
	return write(out, patches, yaml.WideSequenceStyle)
}

// patchNode is the changes as an object of the workload's own kind and name.
func (w *Workload) patchNode() (*yaml.RNode, error) {
	fields := []field{{w.object.GetApiVersion(), []string{"apiVersion"}}, {w.Kind, []string{"kind"}}}
	if w.Name != "" {
		fields = append(fields, field{w.Name, []string{"metadata", "name"}})
	}
	if w.Namespace != "" {
		fields = append(fields, field{w.Namespace, []string{"metadata", "namespace"}})
	}
	if w.deadline {
		fields = append(fields, field{nil, append(slices.Clip(w.path[:len(w.path)-2]), deadlineField)})
	}
	patch := w.patch
	patch.Containers = inOrder(w.pod.Containers, patch.Containers)
	patch.InitContainers = inOrder(w.pod.InitContainers, patch.InitContainers)
	fields = append(fields, field{patch, w.path})
	if w.pod.ActiveDeadlineSeconds != nil {
		fields = append(fields, field{nil, append(slices.Clip(w.path), deadlineField)})
	}
	root := yaml.NewMapRNode(nil)
	for _, f := range fields {
		if err := f.setIn(root); err != nil {
			return nil, fmt.Errorf("changing %s: %w", w, err)
		}
	}
	return root, nil
}

// inOrder adds the names of the containers ahead of those that change. Without them kustomize
// and kubectl put what changes first: init containers would start in another order, and the
// first container is the one that kubectl takes.
func inOrder(has []container, changes []containerPatch) (list []containerPatch) {
	rest := slices.Clone(changes)
	for _, c := range has {
		if len(rest) == 0 {
			return list
		}
		if c.Name == "" {
			continue // Kubernetes refuses it
		}
		change := containerPatch{Name: c.Name}
		if i := slices.IndexFunc(rest, func(p containerPatch) bool { return p.Name == c.Name }); i >= 0 {
			change = rest[i]
			rest = slices.Delete(rest, i, i+1)
		}
		list = append(list, change)
	}
	return append(list, rest...)
}

// field is a value of an object, with the names that lead to it.
type field struct {
	value any
	names []string
}

func (f field) setIn(root *yaml.RNode) error {
	text, err := yaml.Marshal(f.value)
	if err != nil {
		return err
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return err
	}
	last := len(f.names) - 1
	parent, err := root.Pipe(yaml.LookupCreate(yaml.MappingNode, f.names[:last]...))
	if err != nil {
		return err
	}
	// Not by SetField, which takes a null for a field to leave out.
	parent.YNode().Content = append(parent.YNode().Content, yaml.NewStringRNode(f.names[last]).YNode(), node.Content[0])
	return nil
}
