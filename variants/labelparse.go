package variants

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"

	"github.com/dlvgen/dlvgen/internal/visible"
	"golang.org/x/mod/module"
)

// LabelError is a label that no image of dlvgen has, or none of this dlvgen.
type LabelError struct {
	Label, Value string
	Reason       string // "the port must be a number from 1 to 65535"

	// Unknown is set for what a newer dlvgen may know, and Version is the image's then.
	Unknown bool
	Version string
}

func (e *LabelError) Error() string {
	const most = 60 // path rules can be long, and the reason names the part
	value := strconv.Quote(e.Value)
	if len(e.Value) > most {
		value = strconv.Quote(e.Value[:most]) + "..."
	}
	remedy := "; dlvgen writes no such label: derive the image again with `dlvgen build`"
	if e.Unknown {
		remedy = ": use the dlvgen that derived the image, " + strconv.Quote(e.Version)
	}
	return fmt.Sprintf("the label %s=%s: %s%s", e.Label, value, e.Reason, remedy)
}

// Ours tells whether labels are those of a debug image.
func Ours(labels map[string]string) bool {
	_, ours := labels[LabelVersion]
	return ours
}

// ParseLabels reads the labels of a debug image. They are the word of whoever pushed the
// image: what is returned has no characters that act on a terminal, and is of the kind
// that it says to be. The first label that is not is a [*LabelError], as is a later format.
func ParseLabels(labels map[string]string) (Labels, error) {
	var l Labels
	for _, one := range append(l.all(), label{name: LabelPaths, value: new(string), check: l.parsePaths}) {
		*one.value = labels[one.name]
		if err := one.check(*one.value); err != nil {
			return Labels{}, &LabelError{
				Label: one.name, Value: *one.value, Reason: visible.Line(err.Error()),
				Unknown: errors.Is(err, errUnknown), Version: labels[LabelVersion],
			}
		}
	}
	return l, nil
}

var errUnknown = errors.New("this dlvgen does not know it")

func oneOf(known ...string) func(string) error {
	return func(value string) error {
		if !slices.Contains(known, value) {
			return errUnknown
		}
		return nil
	}
}

// optional lets the empty value pass.
func optional(check func(string) error) func(string) error {
	return func(value string) error {
		if value == "" {
			return nil
		}
		return check(value)
	}
}

// versionPattern is a version of a module or of Go, or "(devel)".
var versionPattern = regexp.MustCompile(`^[A-Za-z0-9(][A-Za-z0-9.+()_-]*$`)

func checkVersion(value string) error {
	if !versionPattern.MatchString(value) {
		return fmt.Errorf("%q is no version", value)
	}
	return nil
}

// parsed wants what a function parses.
func parsed[T any](parse func(string) (T, error)) func(string) error {
	return func(value string) error {
		_, err := parse(value)
		return err
	}
}

func checkVisible(value string) error {
	if !visible.Text(value) {
		return fmt.Errorf("%q has characters that are not printed", value)
	}
	return nil
}

func checkListen(value string) error {
	_, _, err := SplitAddress(value)
	return err
}

// longestPath is Linux's PATH_MAX.
const longestPath = 4096

func checkAbsolute(value string) error {
	switch {
	case !path.IsAbs(value):
		return fmt.Errorf("%q is no absolute path", value)
	case len(value) > longestPath:
		return fmt.Errorf("a path is longer than %d bytes", longestPath)
	}
	return checkVisible(value)
}

// parsePaths reads the path rules.
func (l *Labels) parsePaths(value string) error {
	if err := json.Unmarshal([]byte(value), &l.Paths); err != nil {
		return fmt.Errorf("it is no list of path rules: %w", err)
	}
	for i, r := range l.Paths {
		if err := r.check(); err != nil {
			return err
		}
		l.Paths[i].Path, l.Paths[i].Source = clean(r.Path), clean(r.Source)
	}
	return nil
}

// check tells what a rule cannot be.
func (r PathRule) check() error {
	if err := oneOf(PathModule, PathModCache, PathGOROOT)(r.Kind); err != nil {
		return fmt.Errorf("a path rule is of kind %q: %w", r.Kind, err)
	}
	if err := optional(checkAbsolute)(r.Source); err != nil {
		return err
	}
	if err := optional(module.CheckImportPath)(r.Module); err != nil {
		return err
	}
	relative := r.Path == "" && r.Kind == PathModCache || r.Path != "" && r.Path == r.Module
	if relative {
		return nil
	}
	return checkAbsolute(r.Path)
}

// clean is path.Clean that leaves what is empty.
func clean(p string) string {
	if p == "" {
		return ""
	}
	return path.Clean(p)
}
