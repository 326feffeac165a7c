// Package delve knows the debugger: which versions are shipped, which Go programs each
// can debug on which architectures, and how it is started.
package delve

import (
	"fmt"
	"go/version"
	"slices"
	"strconv"
	"strings"
)

// Module is the path of Delve's module, Package that of its main package.
const (
	Module  = "github.com/go-delve/delve"
	Package = Module + "/cmd/dlv"
)

// release is a version of Delve that dlvgen ships.
type release struct {
	version string

	// oldest and newest are the Go of the programs that it announces to debug
	// (MinSupportedVersionOfGoMinor and MaxSupportedVersionOfGoMinor in its
	// pkg/goversion/compat.go).
	oldest, newest string

	// compiledBy is the oldest Go that compiles it (its go.mod).
	compiledBy string

	// archs are those for which it compiles without cgo (its
	// pkg/proc/native/support_sentinel_linux.go, and trying).
	archs []string
}

// releases is the smallest set that covers Go 1.16 to 1.27, the newest first.
var releases = []release{
	{"1.27.2", "go1.25", "go1.27", "go1.25", []string{"386", "amd64", "arm64", "loong64", "ppc64le", "riscv64"}},
	{"1.25.2", "go1.22", "go1.25", "go1.22", []string{"386", "amd64", "arm64", "loong64", "ppc64le", "riscv64"}},
	{"1.22.1", "go1.19", "go1.22", "go1.21", []string{"386", "amd64", "arm64", "ppc64le"}},
	{"1.8.3", "go1.16", "go1.18", "go1.16", []string{"amd64", "arm64"}},
}

// Newest is the newest Delve that is shipped. It was seen to debug programs of every
// Go since 1.16 with its check switched off.
const Newest = "1.27.2"

// Versions lists the shipped versions, the newest first.
func Versions() []string {
	var list []string
	for _, r := range releases {
		list = append(list, r.version)
	}
	return list
}

// CompiledBy is the oldest Go that compiles a shipped version: "go1.25".
func CompiledBy(delve string) string {
	r, _ := find(delve)
	return r.compiledBy
}

// For returns the newest shipped Delve that announces to debug programs of the given
// Go, "go1.26.8"; for a development toolchain, such as "devel go1.28-abcdef", the
// newest. The error names the program's Go and what each version debugs.
func For(goVersion string) (string, error) {
	lang := langOf(goVersion)
	if lang == "" {
		return Newest, nil
	}
	for _, r := range releases {
		if r.announces(lang) {
			return r.version, nil
		}
	}
	remedy := "build with " + releases[len(releases)-1].oldest + " or newer"
	if version.Compare(lang, releases[0].newest) > 0 {
		remedy = "build with " + releases[0].newest + " or older, or take a newer dlvgen"
	}
	return "", fmt.Errorf("no Delve that dlvgen ships debugs programs of %s (%s): %s", goVersion, ranges(), remedy)
}

// Choose is For, unless a version is asked for: "1.25.2", or "" for none. A newer one
// than For's is told not to check the program's Go; an older one than the program's
// Go needs would show wrong variables, so it is refused.
func Choose(goVersion, asked string) (string, error) {
	fitting, err := For(goVersion)
	if err != nil || asked == "" {
		return fitting, err
	}
	r, ok := find(asked)
	if !ok {
		return "", fmt.Errorf("--delve is %q, which dlvgen does not ship: use %s, or omit --delve for %s",
			asked, join(nearest(asked), "or"), fitting)
	}
	if lang := langOf(goVersion); lang != "" && version.Compare(lang, r.newest) > 0 {
		return "", fmt.Errorf("--delve is %s, which debugs programs of %s to %s and not of %s: omit --delve for %s, or use a newer one",
			r.version, r.oldest, r.newest, goVersion, fitting)
	}
	return r.version, nil
}

// NewestGo is the newest Go whose programs a Delve of any version announces to debug: "go1.24" of
// "1.24.2", and "" of what is no version. Since Delve 1.20 the two have the same number, and
// before that it differed by ten (MaxSupportedVersionOfGoMinor in its pkg/goversion/compat.go).
func NewestGo(delve string) string {
	_, rest, ok := strings.Cut(delve, "1.")
	number, _, _ := strings.Cut(rest, ".")
	minor, err := strconv.Atoi(number)
	if !ok || err != nil || !strings.HasPrefix(delve, "1.") || minor < 0 {
		return ""
	}
	const same = 20
	if minor < same {
		minor += 10
	}
	return "go1." + strconv.Itoa(minor)
}

// Debugs tells whether a Delve of any version is as new as a Go asks for. It is true for a
// development toolchain, and for what is no version.
func Debugs(delve, goVersion string) bool {
	lang, newest := langOf(goVersion), NewestGo(delve)
	return lang == "" || newest == "" || version.Compare(lang, newest) <= 0
}

// Older tells whether the minor version of a Delve is lower than that of another.
func Older(delve, other string) bool {
	a, b := NewestGo(delve), NewestGo(other)
	return a != "" && b != "" && version.Compare(a, b) < 0
}

// langOf is the language version of a Go release, "go1.21" of "go1.21.13 X:boringcrypto",
// and "" of a development toolchain, "devel go1.28-abcdef" or "go1.28-devel_abcdef"
// (src/cmd/dist/build.go), of which nobody knows what it is like.
func langOf(goVersion string) string {
	name, _, _ := strings.Cut(goVersion, " ")
	if strings.Contains(name, "devel") {
		return ""
	}
	return version.Lang(name)
}

func find(delve string) (release, bool) {
	i := slices.IndexFunc(releases, func(r release) bool { return r.version == delve })
	if i < 0 {
		return release{}, false
	}
	return releases[i], true
}

// announces tells whether Delve's own check lets a language version pass.
func (r release) announces(lang string) bool {
	return version.Compare(r.oldest, lang) <= 0 && version.Compare(lang, r.newest) <= 0
}

// ranges says what each version debugs, the newest first.
func ranges() string {
	var list []string
	for _, r := range releases {
		list = append(list, fmt.Sprintf("Delve %s: %s to %s", r.version, r.oldest, r.newest))
	}
	return strings.Join(list, ", ")
}

// join lists words as a sentence does: "1, 2 or 3".
func join(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	n := len(words) - 1
	return strings.Join(words[:n], ", ") + " " + last + " " + words[n]
}
