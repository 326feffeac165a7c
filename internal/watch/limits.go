package watch

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// Where Linux has the limits of a user (inotify(7)).
const (
	watchesLimit   = "fs.inotify.max_user_watches"
	instancesLimit = "fs.inotify.max_user_instances"
)

// explainWatches says what to do where the system watches no more folders.
func explainWatches(dir string, err error) error {
	if !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("watching %s: %w", dir, err)
	}
	return fmt.Errorf("watching %s: Linux watches no more folders for this user, %s: leave folders out of the context by .dockerignore, or raise the limit with `sudo sysctl %s=524288`",
		dir, limit(watchesLimit), watchesLimit)
}

// explainInstances says what to do where the user has too many watchers.
func explainInstances(err error) error {
	if !errors.Is(err, syscall.EMFILE) {
		return fmt.Errorf("watching files: %w", err)
	}
	return fmt.Errorf("watching files: too many programs of this user watch files, %s: end some, or raise the limit with `sudo sysctl %s=512`: %w",
		limit(instancesLimit), instancesLimit, err)
}

// limit is a setting with its value.
func limit(name string) string {
	value, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	if err != nil {
		return name
	}
	return name + " is " + strings.TrimSpace(string(value))
}
