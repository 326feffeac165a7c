package launch

import (
	"encoding/json"
	"fmt"
	"os"
)

// plan is what this package reads of the plan at layout.Plan, which has more keys.
type plan struct {
	Request struct {
		// Start is "hold" or "continue".
		Start string `json:"start"`

		// Entry is "cmd", or "inplace" for an image with a launcher.
		Entry string `json:"entry"`
	} `json:"request"`

	// Production is how the production image starts.
	Production struct {
		Entrypoint []string `json:"entrypoint"`
		Cmd        []string `json:"cmd"`
	} `json:"production"`

	Program struct {
		// Path is absolute, as production names it.
		Path string `json:"path"`

		// Real leads to the program where a launcher stands in its place.
		Real string `json:"real"`

		Args []string `json:"args"`
	} `json:"program"`

	// Prefix are launchers of others in front of init, such as tini.
	Prefix []string `json:"prefix"`

	// Debugger is Delve's command line up to its own command.
	Debugger []string `json:"debugger"`

	// Command is the CMD of the debug image: Delve, its flags, "exec", the
	// program, "--", the program's arguments.
	Command []string `json:"command"`
}

// entryInplace is the value of Request.Entry of an image with a launcher.
const entryInplace = "inplace"

// readPlan reads the plan at path.
func readPlan(path string) (plan, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return plan{}, fmt.Errorf("reading the plan: %w", err)
	}
	var p plan
	if err := json.Unmarshal(data, &p); err != nil {
		return plan{}, fmt.Errorf("reading the plan at %s: %w", path, err)
	}
	return p, nil
}
