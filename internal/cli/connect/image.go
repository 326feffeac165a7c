// Package connect writes what a debugger's client needs to reach a program in a
// debug image: a command line for Delve, configuration for editors. It is pure: the
// labels, addresses and folders are handed to it.
package connect

import (
	"fmt"
	"path"
	"slices"

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
	if !variants.Ours(labels) {
		return Image{}, &NotOursError{Name: name}
	}
	l, err := variants.ParseLabels(labels)
	if err != nil {
		return Image{}, fmt.Errorf("%s has %w", name, err)
	}
	return Image{l}, nil
}

// Port is the debugger's port in the container.
func (i Image) Port() (port int, err error) {
	_, port, err = variants.SplitAddress(i.Listen)
	return port, err
}

// Local are folders of the client's machine, empty where they are not known.
type Local struct {
	Windows bool // the client runs on Windows

	Module   string // of the image's main module
	ModCache string // GOMODCACHE
	GOROOT   string
}

// Mapping leads from a path of the debug information to a folder of this machine.
type Mapping struct {
	// From is absolute, or, for a program that was compiled with -trimpath, a module's
	// name; empty where all relative names are meant.
	From string `json:"from"`
	To   string `json:"to"`

	// Kind is that of the rule that it comes from, variants.PathModule and so on.
	Kind string `json:"-"`
}

// Mappings lead from the image's paths to the local folders, the longest path first,
// since the first that matches counts. Where the folder of the main module is not
// known, a placeholder stands for it; other rules are left out.
func (i Image) Mappings(local Local) []Mapping {
	folders := map[string]string{variants.PathModCache: local.ModCache, variants.PathGOROOT: local.GOROOT}
	var list []Mapping
	for _, rule := range i.Paths {
		to := folders[rule.Kind]
		if rule.Kind == variants.PathModule && rule.Module == i.Module {
			if to = local.Module; to == "" {
				to = i.Placeholder(local.Windows)
			}
		}
		if to != "" {
			list = append(list, Mapping{From: rule.Path, To: to, Kind: rule.Kind})
		}
	}
	slices.SortStableFunc(list, func(a, b Mapping) int { return len(b.From) - len(a.From) })
	return slices.CompactFunc(list, func(a, b Mapping) bool { return a.From == b.From })
}

// Placeholder stands for the folder of the main module where that is not known. Delve
// tells by the form of a rule's paths that they are paths of Windows.
func (i Image) Placeholder(windows bool) string {
	if windows {
		return `C:\path\to\` + path.Base(i.Module)
	}
	return "/path/to/" + path.Base(i.Module)
}
