package gomodule

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// Ignored is the .dockerignore file that the module is sent by: the user's own, and what
// git keeps beside the files. It refuses a file that leaves out what is needed.
func (m *Module) Ignored() ([]byte, error) {
	name := filepath.Join(m.Folders[0].Dir, ".dockerignore")
	own, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading what the build context leaves out: %w", err)
	}
	text := append([]byte("**/.git\n"), own...) // first, so that the user's lines win
	patterns, err := ignorefile.ReadAll(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	needed := []string{filepath.Join(m.Root, "go.mod")}
	for _, file := range m.Files {
		needed = append(needed, filepath.Join(m.Package, file))
	}
	for _, file := range needed {
		if out, err := matcher.MatchesOrParentMatches(m.inContext(file)); err == nil && out {
			return nil, fmt.Errorf("%s leaves out %s, which the program is compiled from: add the line !%s to it", name, m.inContext(file), m.inContext(file))
		}
	}
	return text, nil
}
