package gobin

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNoDWARF says that a program has no debug information of its Go code.
var ErrNoDWARF = errors.New("it has no debug information: it was linked with -ldflags=-s or -w, or stripped afterwards")

// maxNamed is how many optimized packages an error names.
const maxNamed = 3

// OptimizedError says that packages of the main module were compiled with
// optimizations, so that a debugger cannot stop at every line or show every variable.
type OptimizedError struct {
	// Packages are the import paths, sorted; Units is the number of packages they are out of.
	Packages []string
	Units    int
}

func (e *OptimizedError) Error() string {
	names := strings.Join(e.Packages[:min(len(e.Packages), maxNamed)], ", ")
	if more := len(e.Packages) - maxNamed; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("%d of %d packages of its main module were compiled without -N -l: %s",
		len(e.Packages), e.Units, names)
}

// Debuggable returns nil for a program that a debugger can work with in full, and
// otherwise the reason, on one line that reads on after the program's name:
// [ErrNoDWARF] or an [*OptimizedError].
func (f *Facts) Debuggable() error {
	switch {
	case !f.DWARF:
		return ErrNoDWARF
	case f.Unoptimized:
		return nil
	case len(f.Optimized) > 0:
		return &OptimizedError{Packages: f.Optimized, Units: f.Units}
	case f.Units == 0:
		return errors.New("its debug information does not describe its main package")
	}
	return nil
}
