package bench

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
)

// Machine is what measured, and what was measured.
type Machine struct {
	CPU      string
	Cores    int
	Kernel   string
	Go       string
	BuildKit string
	Docker   string
	Ko       string
	Commit   string // with "+" where the work tree had changes
}

func machine(ctx context.Context, root string) Machine {
	m := Machine{CPU: cpu(), Cores: runtime.NumCPU(), Ko: koVersion}
	first := func(name string, args ...string) string {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir = root
		out, _ := cmd.Output()
		text, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return text
	}
	m.Kernel, m.Go = first("uname", "-r"), first("go", "env", "GOVERSION")
	m.Docker = strings.TrimPrefix(first("dockerd", "--version"), "Docker version ")
	m.Docker, _, _ = strings.Cut(m.Docker, ",")
	if m.Commit = first("git", "rev-parse", "--short", "HEAD"); first("git", "status", "--porcelain") != "" {
		m.Commit += "+"
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "github.com/moby/buildkit" {
				m.BuildKit = dep.Version
			}
		}
	}
	return m
}

// cpu is the model of the processor, "" where it is not known.
func cpu() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return ""
}

// load is the load of the last minute, "" where it is not known.
func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	one, _, _ := strings.Cut(string(text), " ")
	return one
}
