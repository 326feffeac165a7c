package shim

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
)

// environ is an environment as os.Environ gives it. The last entry of a name
// counts.
type environ []string

func (e environ) get(name string) string {
	for i := len(e) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(e[i], name+"="); ok {
			return value
		}
	}
	return ""
}

// with returns a copy in which name has the value.
func (e environ) with(name, value string) environ {
	return append(e.without(name), name+"="+value)
}

// without returns a copy that doesn't have name.
func (e environ) without(name string) environ {
	kept := make(environ, 0, len(e)+1)
	for _, entry := range e {
		if !strings.HasPrefix(entry, name+"=") {
			kept = append(kept, entry)
		}
	}
	return kept
}

// override is with for settings of the go command, which takes an empty
// variable for one that isn't set and looks in the user's file of settings. A
// space is not empty, and splits into nothing.
func (e environ) override(name, value string) environ {
	if value == "" {
		value = " "
	}
	return e.with(name, value)
}

// setting returns a setting of the go command: the variable's value, else what
// `go env -w` wrote to the user's file of settings. $GOROOT/go.env is not read.
func (e environ) setting(name string) string {
	if value := e.get(name); value != "" {
		return value
	}
	return settingFromFile(e.settingsFile(), name)
}

// settingsFile returns the path of the user's settings, "" where there is none
// (cmd/go/internal/cfg.EnvFile).
func (e environ) settingsFile() string {
	switch file := e.get("GOENV"); file {
	case "":
	case "off":
		return ""
	default:
		return file
	}
	dir := e.get("XDG_CONFIG_HOME")
	if dir == "" {
		home := e.get("HOME")
		if home == "" {
			return ""
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "go", "env")
}

func settingFromFile(path, name string) string {
	if path == "" {
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	value := ""
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if v, ok := strings.CutPrefix(lines.Text(), name+"="); ok {
			value = v
		}
	}
	return value
}

// goCache returns the path of Go's build cache, "" where it can't be told. It is
// "off" for GOCACHE=off.
func (e environ) goCache() string {
	if dir := e.setting("GOCACHE"); dir != "" {
		return dir
	}
	if dir := e.get("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "go-build")
	}
	if home := e.get("HOME"); home != "" {
		return filepath.Join(home, ".cache", "go-build")
	}
	return ""
}
