package shim

import (
	"os"
	"strings"
)

// mode is how calls are compiled, one of the texts of layout.Mode.
type mode string

const (
	// modeDebug switches optimizations off and keeps debug information.
	modeDebug mode = "debug"

	// modeOptimized keeps debug information and changes nothing else.
	modeOptimized mode = "optimized"

	// modeSymbols changes nothing, and keeps the debug information of what is
	// linked beside it.
	modeSymbols mode = "symbols"
)

// readMode reads the file that says how to compile; without one, for debugging.
func readMode(file string) mode {
	text, err := os.ReadFile(file)
	if err != nil {
		return modeDebug
	}
	return mode(strings.TrimSpace(string(text)))
}

// edits say which flags of a call a mode replaces.
type edits struct {
	// drop names the flags that are taken out of the command line and of GOFLAGS.
	drop map[string]bool

	// add returns what takes their place on the command line, given the user's in
	// their order of effect.
	add func(flags []flag, minor int) ([]string, error)
}

// edits are those of the mode; executable is this program's own path.
func (m mode) edits(executable string) edits {
	switch m {
	case modeOptimized:
		return edits{drop: names("ldflags"), add: func(flags []flag, _ int) ([]string, error) {
			return editLdflags(values(flags, "ldflags"))
		}}
	case modeSymbols:
		return edits{drop: names("toolexec"), add: func(flags []flag, _ int) ([]string, error) {
			return toolexecArgs(executable, lastValue(flags, "toolexec"))
		}}
	}
	return edits{drop: rewritten, add: editedFlags}
}

// unstrips tells whether the mode keeps the host's linker from stripping.
func (m mode) unstrips() bool { return m != modeSymbols }
