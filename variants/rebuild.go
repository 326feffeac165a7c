package variants

import (
	"fmt"
	"slices"
	"strings"
)

// Rebuild says whether a program that was copied in ready-made, and that cannot be
// debugged, is compiled again, and what from.
type Rebuild string

// The answers.
const (
	// RebuildOff refuses such a program.
	RebuildOff Rebuild = "off"
	// RebuildAuto takes the build context where it holds the program's module, else
	// the Go module proxy.
	RebuildAuto Rebuild = "auto"
	// RebuildContext takes the build context.
	RebuildContext Rebuild = "context"
	// RebuildModule takes the module at the version that the program names, from the
	// Go module proxy.
	RebuildModule Rebuild = "module"
	// RebuildGit takes the commit that the program names, from a git repository: only of
	// a published image, and not among [Rebuilds].
	RebuildGit Rebuild = "git"
)

// RebuildHost in the place of an image that compiles a program is the Go of the machine that
// the command runs on.
const RebuildHost = "host"

// Rebuilds lists the answers.
func Rebuilds() []string {
	return []string{string(RebuildOff), string(RebuildAuto), string(RebuildContext), string(RebuildModule)}
}

// On tells whether such a program is compiled again.
func (r Rebuild) On() bool { return r != "" && r != RebuildOff }

// Check tells what else it must be.
func (r Rebuild) Check() error {
	if slices.Contains(Rebuilds(), string(r)) {
		return nil
	}
	return fmt.Errorf("it must be one of %s", strings.Join(Rebuilds(), ", "))
}

// Rebuilt records that the program was compiled again in place of production's.
type Rebuilt struct {
	// From is RebuildContext, RebuildModule or RebuildGit.
	From Rebuild `json:"from"`

	// Repository is the URL of the repository, for RebuildGit.
	Repository string `json:"repository,omitempty"`

	// Version is the module's, for RebuildModule.
	Version string `json:"version,omitempty"`

	// Revision is the one that production's build information names.
	Revision string `json:"revision,omitempty"`

	// Image is what it was compiled in, Command how.
	Image   string   `json:"image"`
	Command []string `json:"command"`

	// Warnings say in what it may differ from production's.
	Warnings []string `json:"warnings,omitempty"`
}

// String is the label's text: "context" or "module@v1.2.3".
func (r *Rebuilt) String() string {
	if r.Version == "" {
		return string(r.From)
	}
	return string(r.From) + "@" + r.Version
}
