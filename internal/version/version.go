// Package version knows which dlvgen this is.
package version

import (
	"runtime/debug"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// devel is the version of a build that no release was made of. It does not name
// the commit: two builds of one source give the same images.
const devel = "devel"

// Version is the release that this is, "v1.2.3", or "devel": the one in labels and plans.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return release(info.Main.Version)
	}
	return devel
}

// release is devel for a module's version that is none or names a commit.
func release(version string) string {
	if !semver.IsValid(version) || module.IsPseudoVersion(version) || semver.Build(version) != "" {
		return devel
	}
	return version
}
