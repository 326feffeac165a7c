package launch

import (
	"encoding/json"
	"fmt"
	"os"
)

// plan is what init reads of the plan at layout.Plan, which has more keys.
type plan struct {
	Production Production `json:"production"`

	// Command is the CMD of the debug image: Delve, its flags, "exec", the
	// program, "--", the program's arguments.
	Command []string `json:"command"`
}

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
