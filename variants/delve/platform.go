package delve

import (
	"fmt"
	"slices"
)

// Ships tells whether dlvgen is released with its tools for a platform.
func Ships(os, arch string) bool {
	return os == "linux" && (arch == "amd64" || arch == "arm64")
}

// Shipped names the platforms of Ships, for errors.
const Shipped = "linux/amd64 and linux/arm64"

// Archs lists the architectures, as Go names them, for which there is any Delve on
// Linux.
func Archs() []string { return slices.Clone(releases[0].archs) }

// Exists tells whether a shipped version can be compiled for an architecture.
func Exists(delve, arch string) bool {
	r, ok := find(delve)
	return ok && slices.Contains(r.archs, arch)
}

// CheckArch reports a Delve that was chosen for programs of the given Go and does not
// exist for the program's architecture. The error names the nearest that does.
func CheckArch(delve, goVersion, arch string) error {
	if Exists(delve, arch) {
		return nil
	}
	for _, near := range nearest(delve) {
		if _, err := Choose(goVersion, near); err == nil && Exists(near, arch) {
			return fmt.Errorf("there is no Delve for programs of %s on %s, since Delve %s does not run there: build with a newer Go, or try --delve %s",
				goVersion, arch, delve, near)
		}
	}
	return fmt.Errorf("there is no Delve for %s: it debugs programs for %s", arch, join(Archs(), "and"))
}
