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

	// Unknown is set for a word that a newer dlvgen may know.
	Unknown bool
}

func (e *LabelError) Error() string {
	const most = 60 // path rules can be long, and the reason names the part
	value := strconv.Quote(e.Value)
	if len(e.Value) > most {
		value = strconv.Quote(e.Value[:most]) + "..."
	}
	return fmt.Sprintf("the label %s=%s: %s", e.Label, value, e.Reason)
}

// ParseLabels reads the labels of a debug image. They are the word of whoever pushed the
// image: what is returned has no characters that act on a terminal, and is of the kind
// that it says to be. The first label that is not is a [*LabelError].
func ParseLabels(labels map[string]string) (Labels, error) {
	l := Labels{
		Version: labels[LabelVersion],
		Variant: labels[LabelVariant],
		Preset:  labels[LabelPreset],
		Kind:    Kind(labels[LabelKind]),
		Entry:   Entry(labels[LabelEntry]),
		Delve:   labels[LabelDelve],
		Go:      labels[LabelGo],
		Program: labels[LabelProgram],
		Module:  labels[LabelModule],
		Listen:  labels[LabelListen],
		Start:   Start(labels[LabelStart]),
		Sources: Sources(labels[LabelSources]),
		Rebuilt: labels[LabelRebuilt],
	}
	for _, c := range []struct {
		label string
		check func(string) error
	}{
		{LabelVersion, checkVersion},
		{LabelVariant, oneOf(Names()...)},
		{LabelPreset, optional(CheckPreset)},
		{LabelKind, oneOf(string(KindRemote), string(KindAttach), string(KindSidecar))},
		{LabelEntry, oneOf("", string(EntryCmd), string(EntryInplace))},
		{LabelDelve, optional(checkVersion)},
		{LabelGo, checkVisible},
		{LabelProgram, optional(checkAbsolute)},
		{LabelModule, optional(module.CheckImportPath)},
		{LabelListen, checkListen},
		{LabelStart, oneOf("", string(StartHold), string(StartContinue))},
		{LabelSources, oneOf("", string(SourcesExcluded), string(SourcesBaked))},
		{LabelRebuilt, checkVisible},
		{LabelPaths, l.parsePaths},
	} {
		if err := c.check(labels[c.label]); err != nil {
			return Labels{}, &LabelError{
				Label: c.label, Value: labels[c.label], Reason: visible.Line(err.Error()), Unknown: errors.Is(err, errUnknown),
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
