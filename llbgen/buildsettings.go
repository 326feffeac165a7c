package llbgen

import (
	"errors"
	"fmt"
	"go/version"
	"runtime/debug"
	"slices"
	"strings"
)

// Settings of build information that a program is compiled with again
// (setBuildInfo in cmd/go/internal/load/pkg.go). Others are what a build finds out by
// itself, -pgo names a file of the machine that it ran on, and one that nobody knows may
// be anything: the file that they are read from was found, not made.
var (
	settingFlags = []string{"-asan", "-asmflags", "-buildmode", "-cover", "-gcflags", "-ldflags", "-msan", "-race", "-tags", "-trimpath"}
	settingEnv   = []string{
		"CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_ENABLED", "CGO_LDFLAGS",
		"GO386", "GOAMD64", "GOARCH", "GOARM", "GOARM64", "GOEXPERIMENT", "GOFIPS140", "GOMIPS", "GOMIPS64",
		"GOOS", "GOPPC64", "GORISCV64",
	}
)

// Setting is a build setting, "" where it is absent.
func Setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// CheckRebuild says why build information is not enough to compile the program again,
// on one line that reads on after the program's name.
func CheckRebuild(info *debug.BuildInfo) error {
	switch {
	case info.Main.Path == "":
		return errors.New("it was compiled outside of a module, so its sources are unknown")
	case info.Path == "" || info.Path == "command-line-arguments":
		return errors.New("it was compiled from files (go build main.go), so its main package is not known")
	case len(info.Settings) == 0:
		return errors.New("its build information has no settings: Go before 1.18 and some build systems leave them out")
	}
	if c := Setting(info, "-compiler"); c != "" && c != "gc" {
		return fmt.Errorf("it was compiled with %s, not with Go's own compiler", c)
	}
	for _, tag := range GolangTags(info.GoVersion) {
		if version.Compare("go"+tag, "go1.18") < 0 { // which splits flags in another way than is checked
			return fmt.Errorf("its build information has settings, which %s does not record", info.GoVersion)
		}
	}
	return checkStranger(info)
}

// flags are the flags of go build that the program was compiled with. The linker's are
// not recorded where -trimpath was given: of those, what the file lacks tells of -s and
// -w.
func (r Rebuild) flags() []string {
	var flags []string
	for _, s := range r.Info.Settings {
		switch {
		case !slices.Contains(settingFlags, s.Key), s.Key == "-buildmode" && s.Value == "exe":
		case s.Value == "true" && !slices.Contains([]string{"-tags", "-buildmode"}, s.Key): // which take the next word
			flags = append(flags, s.Key)
		default:
			flags = append(flags, s.Key+"="+s.Value)
		}
	}
	if slices.Contains(flags, "-trimpath") && !r.DWARF {
		strip := "-ldflags=-w"
		if !r.Symtab {
			strip = "-ldflags=-s -w"
		}
		flags = append(flags, strip)
	}
	return flags
}

// env are the settings that go build takes from its environment, NAME=VALUE.
func (r Rebuild) env() []string {
	var env []string
	for _, s := range r.Info.Settings {
		if slices.Contains(settingEnv, s.Key) {
			env = append(env, s.Key+"="+s.Value)
		}
	}
	return env
}

// UsesCgo tells whether the program was compiled where it may use C.
func UsesCgo(info *debug.BuildInfo) bool { return Setting(info, "CGO_ENABLED") == "1" }

// GolangTags are the tags of the golang image that has a version of Go, the exact one
// first. There are none for development versions.
func GolangTags(goVersion string) []string {
	v, _, _ := strings.Cut(strings.TrimPrefix(goVersion, "go"), " ")
	v, _, _ = strings.Cut(v, "-") // a distribution's addition
	parts := strings.SplitN(v, ".", 3)
	if len(parts) < 2 || parts[0] != "1" || parts[1] == "" || parts[1][0] < '0' || parts[1][0] > '9' {
		return nil
	}
	tags := []string{v}
	if len(parts) == 3 {
		tags = append(tags, parts[0]+"."+parts[1])
	}
	return tags
}
