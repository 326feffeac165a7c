// Package kubernetes turns manifests of Kubernetes into their debug form. It asks nobody: what
// an image is, the caller says.
package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// maxSize is how large the manifests of one file may be: etcd stores no larger object than
// 1.5 MiB, and a file has some.
const maxSize = 64 << 20

// Manifests are the documents of a file, with their comments and in their order.
type Manifests struct {
	// Name is where they come from, for errors.
	Name string

	documents []*yaml.RNode
	indent    yaml.SequenceIndentStyle
	json      bool // it is one object, as `kubectl get -o json` prints it
}

// template is an action of a Helm template where YAML has none.
var template = regexp.MustCompile(`(?m)^\s*\{\{|: *\{\{`)

// Read reads the manifests of a file. Documents without content are left out.
func Read(r io.Reader, name string) (*Manifests, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(text) > maxSize {
		return nil, fmt.Errorf("%s has more than %d MiB: manifests are smaller", name, maxSize>>20)
	}
	m := &Manifests{Name: name, json: json.Valid(text), indent: yaml.SequenceIndentStyle(yaml.DeriveSeqIndentStyle(string(text)))}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var node yaml.Node
		switch err := decoder.Decode(&node); {
		case errors.Is(err, io.EOF):
			return m, nil
		case err != nil && template.Match(text):
			return nil, fmt.Errorf("%s is a template: render it first, as in `helm template . | dlvgen kube -`", name)
		case err != nil:
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		document := yaml.NewRNode(&node)
		if document.IsNilOrEmpty() {
			continue
		}
		// Decode refuses aliases that contain themselves, and those of which there would be too many.
		var whole any
		err := node.Decode(&whole)
		if err == nil {
			err = document.DeAnchor()
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		m.documents = append(m.documents, document)
	}
}

// Write writes them as YAML, or as JSON where they are.
func (m *Manifests) Write(w io.Writer) error {
	if !m.json {
		return write(w, m.documents, m.indent)
	}
	for _, document := range m.documents {
		text, err := document.MarshalJSON()
		if err != nil {
			return fmt.Errorf("writing JSON: %w", err)
		}
		var b bytes.Buffer
		if err := json.Indent(&b, bytes.TrimSpace(text), "", "    "); err != nil {
			return fmt.Errorf("writing JSON: %w", err)
		}
		b.WriteByte('\n')
		if _, err := b.WriteTo(w); err != nil {
			return err
		}
	}
	return nil
}

func write(w io.Writer, documents []*yaml.RNode, indent yaml.SequenceIndentStyle) error {
	for i, document := range documents {
		text, err := yaml.MarshalWithOptions(document.Document(), &yaml.EncoderOptions{SeqIndent: indent})
		if err != nil {
			return fmt.Errorf("writing YAML: %w", err)
		}
		separator := ""
		if i > 0 && !strings.HasPrefix(string(text), "---") {
			separator = "---\n"
		}
		if _, err := io.WriteString(w, separator+string(text)); err != nil {
			return err
		}
	}
	return nil
}

// Workloads are the objects that have containers, also those within lists.
func (m *Manifests) Workloads() ([]*Workload, error) {
	var found []*Workload
	for _, document := range m.documents {
		list, err := workloadsOf(document)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		found = append(found, list...)
	}
	return found, nil
}

// workloadsOf looks into an object, which may be a list of others.
func workloadsOf(object *yaml.RNode) ([]*Workload, error) {
	if object.YNode() == nil || object.YNode().Kind != yaml.MappingNode {
		return nil, errors.New("a document is no object: each needs apiVersion and kind")
	}
	kind := object.GetKind()
	if items := object.Field("items"); items != nil && strings.HasSuffix(kind, "List") {
		elements, err := items.Value.Elements()
		if err != nil {
			return nil, fmt.Errorf("the items of a %s: %w", kind, err)
		}
		var found []*Workload
		for _, element := range elements {
			list, err := workloadsOf(element)
			if err != nil {
				return nil, err
			}
			found = append(found, list...)
		}
		return found, nil
	}
	path, ok := podSpecs[kind]
	if !ok || !path.version.MatchString(object.GetApiVersion()) {
		return nil, nil
	}
	w := &Workload{Kind: kind, Name: object.GetName(), Namespace: object.GetNamespace(), object: object, path: path.fields}
	return []*Workload{w}, w.read()
}
