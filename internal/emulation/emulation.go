// Package emulation tells which platforms a machine runs by itself, and what is to be known of
// debugging where it does not.
package emulation

import (
	"fmt"

	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Native says that a machine of the platform own runs programs of p without emulation.
func Native(p, own ocispecs.Platform) bool {
	p, own = platforms.Normalize(p), platforms.Normalize(own)
	return p.OS == own.OS && p.Architecture == own.Architecture || platforms.Only(own).Match(p)
}

// Warning says what emulation means for a debug image of the platform p, where something on a
// machine of the platform own needs it, such as "steps for linux/arm64 run".
func Warning(what string, p, own ocispecs.Platform) string {
	return fmt.Sprintf("%s under emulation on %s. Where the debug image runs under emulation, Delve cannot debug it, because emulators such as QEMU do not support ptrace: run it on a machine with %s",
		what, platforms.FormatAll(platforms.Normalize(own)), platforms.FormatAll(platforms.Normalize(p)))
}
