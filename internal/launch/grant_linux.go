package launch

import (
	"encoding/hex"
	"fmt"
	"os"
	"syscall"
)

// capabilityAttribute holds the capabilities of a file (capabilities(7)).
const capabilityAttribute = "security.capability"

// grant copies a program and gives the copy the capabilities of another: in a step of
// an image's build, in which no setcap need be there. A launcher without those of its
// program could not hand them on: the kernel takes them from a program that is started
// under trace by one that has fewer (cap_bprm_creds_from_file in security/commoncap.c).
// The words are the attribute's value in hex digits, the program, and the copy.
func grant(words []string) error {
	if len(words) != 3 {
		return fmt.Errorf("granting capabilities: got %d words, want the capabilities, the program and its copy", len(words))
	}
	value, err := hex.DecodeString(words[0])
	if err != nil {
		return fmt.Errorf("granting capabilities: %w", err)
	}
	program, err := os.ReadFile(words[1])
	if err != nil {
		return fmt.Errorf("granting capabilities: %w", err)
	}
	if err := os.WriteFile(words[2], program, 0o755); err != nil {
		return fmt.Errorf("granting capabilities: %w", err)
	}
	if err := syscall.Setxattr(words[2], capabilityAttribute, value, 0); err != nil {
		return fmt.Errorf("granting capabilities to %s: %w", words[2], err)
	}
	return nil
}
