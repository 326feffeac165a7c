//go:build !linux

package buildkit

import (
	"context"
	"errors"
	"runtime"
)

var errNotLinux = errors.New("dlvgen can start BuildKit only on Linux, and this is " + runtime.GOOS +
	": set --addr or BUILDKIT_HOST to a running one, such as docker-container://NAME of `docker buildx create --bootstrap`")

// Open fails: buildkitd with runc exists on Linux only.
func (c *Child) Open(context.Context, func(string)) (*Connection, error) { return nil, errNotLinux }

// Startable says why no child can be started.
func (c *Child) Startable() error { return errNotLinux }

// Stop has nothing to stop.
func (c *Child) Stop(context.Context) (int, error) { return 0, nil }

// Status says that no child runs.
func (c *Child) Status(context.Context) (Status, error) {
	return Status{Addr: c.Addr(), Root: c.Root(), Log: c.LogFile()}, nil
}
