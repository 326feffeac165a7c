package cli

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/tools"
	"github.com/dlvgen/dlvgen/internal/version"
	"github.com/spf13/cobra"
	"golang.org/x/mod/semver"
)

func newVersionCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of dlvgen and of what it carries",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			carried, err := toolsLine()
			if err != nil {
				return err
			}
			dlvgen, buildkit := versions()
			_, err = fmt.Fprintf(s.out, "dlvgen %s %s %s/%s\nBuildKit libraries %s\ntools %s\n",
				dlvgen, runtime.Version(), runtime.GOOS, runtime.GOARCH, buildkit, carried)
			return err
		},
	}
}

// versions reads the versions of dlvgen and of its BuildKit libraries from the
// program's build information; "unknown" where it says nothing. dlvgen's names the
// commit where there is no release, other than [version.Version].
func versions() (dlvgen, buildkit string) {
	dlvgen, buildkit = version.Version(), "unknown"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return dlvgen, buildkit
	}
	if semver.IsValid(info.Main.Version) {
		dlvgen = info.Main.Version
	}
	for _, dep := range info.Deps {
		if dep.Path == "github.com/moby/buildkit" {
			buildkit = dep.Version
		}
	}
	return dlvgen, buildkit
}

func toolsLine() (string, error) {
	set, err := tools.Embedded()
	if errors.Is(err, tools.ErrNone) {
		if image, ok := bake.OwnImage(version.Version()); ok {
			return "of the frontend image " + image, nil
		}
		return "none: run `make build`", nil
	}
	if err != nil {
		return "", err
	}
	return "sha256:" + set.Digest, nil
}
