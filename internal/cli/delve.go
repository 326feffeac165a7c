package cli

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// clientGrace is how long Delve's client may take to end when it is told to.
const clientGrace = 3 * time.Second

// delve runs a Delve of this machine at the user's terminal until it ends. rules are typed at its
// prompt first.
func (s streams) delve(ctx context.Context, line, rules []string) error {
	dir, err := os.MkdirTemp("", "dlvgen-debug-*")
	if err != nil {
		return fmt.Errorf("writing path rules for Delve: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	line = slices.Clone(line)
	if len(rules) > 0 {
		file := filepath.Join(dir, "init")
		if err := os.WriteFile(file, []byte(strings.Join(rules, "\n")+"\n"), 0o600); err != nil {
			return fmt.Errorf("writing path rules for Delve: %w", err)
		}
		line = append(line, "--init", file)
	}
	if terminal := terminalOf(s.in); terminal != nil {
		defer func() { _ = terminal.Reset() }() // for a client that is ended at its prompt
	}
	cmd := exec.CommandContext(ctx, line[0], line[1:]...) //nolint:gosec // a Delve
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.in, s.out, s.err
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = clientGrace
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("the client %s has failed: %w", line[0], err)
	}
	return nil
}
