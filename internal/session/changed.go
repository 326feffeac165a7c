package session

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// changedError says that a rule of the cluster takes from a debugger what it needs.
type changedError struct{ differ []string }

func (e *changedError) Error() string {
	return "a rule of the cluster changes the debugger's container: " + strings.Join(e.differ, ", ")
}

// securityContext is what decides whether a debugger may attach (k8s.io/api/core/v1,
// SecurityContext).
type securityContext struct {
	RunAsUser    *int64
	RunAsNonRoot *bool
	Capabilities struct{ Add []string }
}

// changed compares the security context of a debugger as the cluster would have it with what was
// asked for. A rule may add much that prevents nothing; what counts is another user than asked for
// and than the program's, root where it is forbidden, and the capability of root: others do not get
// it by being allowed it. own is the user of the debugger's image.
func changed(asked, is json.RawMessage, own, program int64) error {
	var want, got securityContext
	for text, into := range map[*json.RawMessage]*securityContext{&asked: &want, &is: &got} {
		if len(*text) == 0 {
			continue
		}
		if err := json.Unmarshal(*text, into); err != nil {
			return fmt.Errorf("reading a security context: %w", err)
		}
	}
	user := func(c securityContext) int64 {
		if c.RunAsUser == nil {
			return own
		}
		return *c.RunAsUser
	}
	var differ []string
	if now := user(got); now != user(want) && now != program {
		differ = append(differ, fmt.Sprintf("it would run as the user %d, not as %d", now, user(want)))
	}
	root := user(got) == 0
	if root && got.RunAsNonRoot != nil && *got.RunAsNonRoot {
		differ = append(differ, "it would be root, and must not be")
	}
	for _, capability := range want.Capabilities.Add {
		if root && !slices.Contains(got.Capabilities.Add, capability) {
			differ = append(differ, "it would not have the capability "+capability)
		}
	}
	if len(differ) > 0 {
		return &changedError{differ}
	}
	return nil
}
