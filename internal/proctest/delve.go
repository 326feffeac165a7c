package proctest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Delve makes the file a Delve of go.mod's version, for tests of a package in internal: a
// copy of bin/dlv, which is built where it is missing.
func Delve(file string) error {
	program, err := os.ReadFile(filepath.Join("..", "..", "bin", "dlv"))
	if err == nil {
		err = os.WriteFile(file, program, 0o755)
	}
	if err == nil || !os.IsNotExist(err) {
		return err
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, "github.com/go-delve/delve/cmd/dlv")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building Delve: %w\n%s", err, out)
	}
	return nil
}
