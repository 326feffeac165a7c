package bakefile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Buildx is the program that reads bake files: the command up to the name of its own.
type Buildx []string

// FindBuildx looks for buildx as the docker CLI's plugin, then as a program of its own.
func FindBuildx(ctx context.Context) (Buildx, error) {
	for _, b := range []Buildx{{"docker", "buildx"}, {"buildx"}, {"docker-buildx"}} {
		if _, err := exec.LookPath(b[0]); err != nil {
			continue
		}
		if b.command(ctx, "version").Run() == nil {
			return b, nil
		}
	}
	return nil, errors.New("no docker buildx, which reads bake files: install it (https://docs.docker.com/go/buildx/), or docker-buildx on PATH")
}

func (b Buildx) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, b[0], append(b[1:len(b):len(b)], args...)...)
}

// bake runs `bake` with the files, and returns what it prints.
func (b Buildx) bake(ctx context.Context, files []File, args ...string) ([]byte, error) {
	words := []string{"bake", "--progress", "quiet"}
	var stdin []byte
	for _, f := range files {
		words = append(words, "--file", f.Name)
		if f.Name == "-" {
			stdin = f.Data
		}
	}
	cmd := b.command(ctx, append(words, args...)...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, &readError{cause: err, said: stderr.String()}
	}
	return stdout.Bytes(), nil
}

// print is what buildx makes of targets.
func (b Buildx) print(ctx context.Context, files []File, targets ...string) (*Definition, error) {
	out, err := b.bake(ctx, files, append([]string{"--print"}, targets...)...)
	if err != nil {
		return nil, err
	}
	var d Definition
	if err := json.Unmarshal(out, &d); err != nil {
		return nil, fmt.Errorf("reading what buildx prints: %w", err)
	}
	for name, t := range d.Targets {
		t.Name = name
		t.unescape()
	}
	return &d, nil
}

// names are those of all targets and groups. buildx before v0.20 does not list them: then
// there are none.
func (b Buildx) names(ctx context.Context, files []File) map[string]bool {
	names := map[string]bool{}
	out, err := b.bake(ctx, files, "--list=type=targets,format=json")
	if err != nil {
		return names
	}
	var list []struct{ Name string }
	_ = json.Unmarshal(out, &list)
	for _, one := range list {
		names[one.Name] = true
	}
	return names
}

// readError is buildx's, on one line: the last that it said.
type readError struct {
	cause error
	said  string
}

func (e *readError) Error() string {
	said := e.cause.Error()
	for line := range strings.Lines(e.said) {
		if text, ok := strings.CutPrefix(line, "ERROR: "); ok {
			said = strings.TrimSpace(text)
		}
	}
	return "docker buildx bake: " + said
}

func (e *readError) Unwrap() error { return e.cause }
