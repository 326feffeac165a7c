// Package environ is the environment of a call, and the settings of the go command in
// it: a variable, or what `go env -w` wrote.
package environ

import (
	"os"
	"path/filepath"
	"strings"
)

// Environ is an environment as os.Environ gives it. The last entry of a name
// counts.
type Environ []string

// Get is the value of a variable, empty where it is not set.
func (e Environ) Get(name string) string {
	for i := len(e) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(e[i], name+"="); ok {
			return value
		}
	}
	return ""
}

// With returns a copy in which name has the value.
func (e Environ) With(name, value string) Environ {
	return append(e.Without(name), name+"="+value)
}

// Without returns a copy that doesn't have name.
func (e Environ) Without(name string) Environ {
	kept := make(Environ, 0, len(e)+1)
	for _, entry := range e {
		if !strings.HasPrefix(entry, name+"=") {
			kept = append(kept, entry)
		}
	}
	return kept
}

// Override is With for settings of the go command, which takes an empty
// variable for one that isn't set and looks in the user's file of settings. A
// space is not empty, and splits into nothing.
func (e Environ) Override(name, value string) Environ {
	if value == "" {
		value = " "
	}
	return e.With(name, value)
}

// Setting returns a setting of the go command: the variable's value, else what
// `go env -w` wrote to the user's file of settings. $GOROOT/go.env is not read.
func (e Environ) Setting(name string) string {
	if value := e.Get(name); value != "" {
		return value
	}
	return settingFromFile(e.settingsFile(), name)
}

// settingsFile returns the path of the user's settings, "" where there is none
// (cmd/go/internal/cfg.EnvFile).
func (e Environ) settingsFile() string {
	switch file := e.Get("GOENV"); file {
	case "":
	case "off":
		return ""
	default:
		return file
	}
	return e.below("XDG_CONFIG_HOME", ".config", "go/env")
}

func settingFromFile(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	value := ""
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, name+"="); ok {
			value = strings.TrimRight(v, "\r\n")
		}
	}
	return value
}

// GoCache returns the path of Go's build cache, "" where it can't be told. It is
// "off" for GOCACHE=off.
func (e Environ) GoCache() string {
	if dir := e.Setting("GOCACHE"); dir != "" {
		return dir
	}
	return e.below("XDG_CACHE_HOME", ".cache", "go-build")
}

// below is a path in the folder that a variable names, else in one of the home folder,
// "" without either.
func (e Environ) below(variable, folder, name string) string {
	if dir := e.Get(variable); dir != "" {
		return filepath.Join(dir, name)
	}
	if home := e.Get("HOME"); home != "" {
		return filepath.Join(home, folder, name)
	}
	return ""
}
