package kubernetes

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// objectName is a name as Kubernetes takes it (RFC 1123's subdomain).
var objectName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)

// Component are the files of a kustomize component that makes the changes of workloads, by
// their names.
func Component(workloads ...*Workload) (map[string][]byte, error) {
	const about = "kustomization.yaml"
	type patch struct {
		Path string `yaml:"path"`
	}
	component := struct {
		APIVersion string  `yaml:"apiVersion"`
		Kind       string  `yaml:"kind"`
		Patches    []patch `yaml:"patches"`
	}{APIVersion: "kustomize.config.k8s.io/v1alpha1", Kind: "Component"}
	files := map[string][]byte{}
	for _, w := range workloads {
		parts := []string{strings.ToLower(w.Kind), w.Name}
		if w.Namespace != "" {
			parts = append(parts, w.Namespace)
		}
		for _, part := range parts[1:] {
			if !objectName.MatchString(part) {
				return nil, fmt.Errorf("%s %q has no name that Kubernetes takes", w.Kind, part)
			}
		}
		name := strings.Join(parts, "-") + ".yaml"
		if _, twice := files[name]; twice {
			return nil, fmt.Errorf("%s is defined twice", w)
		}
		var b bytes.Buffer
		if err := WritePatch(&b, w); err != nil {
			return nil, err
		}
		files[name] = b.Bytes()
		component.Patches = append(component.Patches, patch{name})
	}
	text, err := yaml.Marshal(component)
	files[about] = text
	return files, err
}
