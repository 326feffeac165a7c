// Package delve knows the debugger: which version is shipped, which Go programs it
// can debug, and how it is started.
package delve

import (
	"fmt"
	"go/version"
)

// Version is the Delve that every debug image holds. It announces support for Go
// 1.25 to 1.27 (its pkg/goversion/compat.go) and was seen to debug programs of
// Go 1.16 to 1.24 with its check switched off.
const Version = "1.27.2"

// Ships tells whether dlvgen has its tools for a platform.
func Ships(os, arch string) bool {
	return os == "linux" && (arch == "amd64" || arch == "arm64")
}

// Shipped names the platforms of Ships, for errors.
const Shipped = "linux/amd64 and linux/arm64"

const (
	oldest    = "go1.16" // seen to work
	announced = "go1.25" // MinSupportedVersionOfGoMinor
	newest    = "go1.27" // MaxSupportedVersionOfGoMinor
)

// For returns the version of Delve that debugs programs of the given Go, "go1.26.8".
// The error names both versions.
func For(goVersion string) (string, error) {
	lang := version.Lang(goVersion)
	switch {
	case lang == "":
		// A development toolchain, such as "devel go1.27-abcdef": as new as can be.
		return Version, nil
	case version.Compare(lang, oldest) < 0:
		return "", fmt.Errorf("Delve %s cannot debug programs of %s, the oldest that it can is %s: build with a newer Go",
			Version, goVersion, oldest)
	case version.Compare(lang, newest) > 0:
		return "", fmt.Errorf("Delve %s cannot debug programs of %s, the newest that it can is %s: a newer dlvgen may",
			Version, goVersion, newest)
	}
	return Version, nil
}

// announces tells whether Delve's own check lets the Go version pass.
func announces(goVersion string) bool {
	lang := version.Lang(goVersion)
	return lang == "" || version.Compare(lang, announced) >= 0
}
