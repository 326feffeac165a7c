// Package connect writes what a debugger's client needs to reach a program in a
// debug image: a command line for Delve, configuration for editors. It is pure: the
// labels, addresses and folders are handed to it.
package connect

import (
	"errors"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/dlvgen/dlvgen/variants"
)

// Image is what the labels of a debug image say.
type Image struct{ variants.Labels }

// NotOursError says that an image was not derived by dlvgen.
type NotOursError struct{ Name string }

func (e *NotOursError) Error() string {
	return fmt.Sprintf("%s is no debug image of dlvgen, it lacks the label %s: derive one with `dlvgen build`, and name the debug tag that it prints, or its container",
		e.Name, variants.LabelVersion)
}

// ReadImage reads the labels of an image or container. name is for errors, of which
// one is a [*NotOursError].
func ReadImage(name string, labels map[string]string) (Image, error) {
	name = visible.Quote(name)
	if _, ours := labels[variants.LabelVersion]; !ours {
		return Image{}, &NotOursError{Name: name}
	}
	l, err := variants.ParseLabels(labels)
	var bad *variants.LabelError
	if errors.As(err, &bad) && bad.Unknown {
		return Image{}, fmt.Errorf("%s has %w: use the dlvgen that derived the image, %q", name, err, labels[variants.LabelVersion])
	}
	if err != nil {
		return Image{}, fmt.Errorf("%s has %w; dlvgen writes no such label: derive the image again with `dlvgen build`", name, err)
	}
	return Image{l}, nil
}

// Port is the debugger's port in the container.
func (i Image) Port() (port int, err error) {
	_, port, err = variants.SplitAddress(i.Listen)
	return port, err
}
