package kubernetes

import (
	"cmp"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// merge changes the fields of an object as a patch says. Nothing else is touched: kyaml's own
// merge makes elements of any list alike that have the same key, such as two variables or ports.
func merge(to, patch *yaml.Node) {
	for i := 0; i+1 < len(patch.Content); i += 2 {
		name, value := patch.Content[i], patch.Content[i+1]
		at := valueAt(to, name.Value)
		switch {
		case value.Tag == yaml.NodeTagNull && at > 0:
			to.Content = append(to.Content[:at-1], to.Content[at+1:]...)
		case value.Tag == yaml.NodeTagNull:
		case at < 0:
			to.Content = append(to.Content, name, value)
		default:
			mergeValue(name.Value, to.Content[at], value)
		}
	}
}

// mergeValue changes a value, which keeps its comments, and its quotes.
func mergeValue(name string, to, patch *yaml.Node) {
	switch {
	case patch.Kind == yaml.ScalarNode:
		if to.Value != patch.Value {
			to.Value, to.Tag = patch.Value, patch.Tag
		}
	case len(to.Content) == 0: // or null
		to.Kind, to.Tag, to.Value, to.Style, to.Content = patch.Kind, patch.Tag, "", patch.Style, patch.Content
	case patch.Kind == yaml.MappingNode:
		merge(to, patch)
	case patch.Content[0].Kind == yaml.ScalarNode: // all of a list, also what it has
		to.Content = patch.Content
	default:
		mergeList(name, to, patch)
	}
}

// mergeList changes the elements of a list that are those of the patch, and adds the others.
func mergeList(name string, to, patch *yaml.Node) {
	for _, element := range patch.Content {
		found := false
		for _, has := range to.Content {
			if isSame(name, has, element) {
				found = true
				merge(has, element)
			}
		}
		if !found {
			to.Content = append(to.Content, element)
		}
	}
}

// isSame says that Kubernetes takes two elements of a list for one. A port has a name once.
func isSame(list string, a, b *yaml.Node) bool {
	if name := textOf(b, "name"); name != "" && name == textOf(a, "name") {
		return true
	}
	protocol := func(n *yaml.Node) string { return cmp.Or(textOf(n, "protocol"), "TCP") }
	return list == "ports" && textOf(a, "containerPort") == textOf(b, "containerPort") && protocol(a) == protocol(b)
}

// valueAt is where an object has the value of a field, negative for nowhere.
func valueAt(object *yaml.Node, name string) int {
	if object.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(object.Content); i += 2 {
			if object.Content[i].Value == name {
				return i + 1
			}
		}
	}
	return -1
}

func textOf(object *yaml.Node, name string) string {
	if at := valueAt(object, name); at > 0 {
		return object.Content[at].Value
	}
	return ""
}
