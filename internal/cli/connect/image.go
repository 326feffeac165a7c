// Package connect writes what a debugger's client needs to reach a program in a
// debug image: a command line for Delve, configuration for editors. It is pure: the
// labels, addresses and folders are handed to it.
package connect

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dlvgen/dlvgen/variants"
)

// Image is what the labels of a debug image say.
type Image struct {
	Variant string
	Kind    variants.Kind
	Sources variants.Sources
	Delve   string // version
	Go      string // "go1.26.8"
	Program string // path in the image
	Module  string // main module
	Listen  string // "host:port" with an optional host
	Paths   []variants.PathRule
}

// NotOursError says that an image was not derived by dlvgen.
type NotOursError struct{ Name string }

func (e *NotOursError) Error() string {
	return fmt.Sprintf("%s is no debug image of dlvgen, it lacks the label %s: derive one with `dlvgen build`, and name the debug tag that it prints, or its container",
		e.Name, variants.LabelVersion)
}

// ReadImage reads the labels of an image or container. name is for errors, of which
// one is a [*NotOursError].
func ReadImage(name string, labels map[string]string) (Image, error) {
	if _, ours := labels[variants.LabelVersion]; !ours {
		return Image{}, &NotOursError{Name: name}
	}
	i := Image{
		Variant: labels[variants.LabelVariant],
		Kind:    variants.Kind(labels[variants.LabelKind]),
		Sources: variants.Sources(labels[variants.LabelSources]),
		Delve:   labels[variants.LabelDelve],
		Go:      labels[variants.LabelGo],
		Program: labels[variants.LabelProgram],
		Module:  labels[variants.LabelModule],
		Listen:  labels[variants.LabelListen],
	}
	switch i.Kind {
	case variants.KindRemote, variants.KindAttach, variants.KindSidecar:
	default:
		return Image{}, fmt.Errorf("%s has the label %s=%q, which this dlvgen does not know: use the dlvgen that derived it, %s",
			name, variants.LabelKind, i.Kind, labels[variants.LabelVersion])
	}
	if _, err := i.Port(); err != nil {
		return Image{}, fmt.Errorf("%s has the label %s=%q: %w", name, variants.LabelListen, i.Listen, err)
	}
	if err := json.NewDecoder(strings.NewReader(labels[variants.LabelPaths])).Decode(&i.Paths); err != nil {
		return Image{}, fmt.Errorf("%s has the label %s, which is no list of path rules: %w", name, variants.LabelPaths, err)
	}
	return i, nil
}

// Port is the debugger's port in the container.
func (i Image) Port() (int, error) { return variants.Request{Listen: i.Listen}.Port() }
