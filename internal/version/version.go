// Package version knows which dlvgen this is.
package version

import "runtime/debug"

// devel is the version of a build that no release was made of. It does not name
// the commit: two builds of one source give the same images.
const devel = "devel"

// Version is the module's version as `go install` recorded it, "v1.2.3", or "devel".
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return devel
	}
	return info.Main.Version
}
