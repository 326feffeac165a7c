package registry

import (
	"regexp"
	"strings"

	"golang.org/x/mod/semver"
)

// release is a tag that tools which update images take for a version.
var release = regexp.MustCompile(`^v?\d+\.\d+\.\d+`)

// IsPrerelease says that tools which update images may take a debug tag for a later version
// than others, a prerelease of production's: "v1.4.2-debug" of "v1.4.2".
func IsPrerelease(production, debug string) bool {
	version := func(tag string) string { return "v" + strings.TrimPrefix(tag, "v") }
	return release.MatchString(production) && semver.IsValid(version(production)) && semver.IsValid(version(debug)) &&
		semver.Prerelease(version(debug)) != semver.Prerelease(version(production))
}
