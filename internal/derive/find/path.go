package find

import (
	"path"
	"strings"

	"github.com/dlvgen/dlvgen/llbgen"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// defaultPath is what a container's PATH is where the config sets none
// (moby/buildkit, util/system).
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// candidatePaths are the paths at which a runtime looks for a command.
func candidatePaths(name string, cfg dockerspec.DockerOCIImageConfig) []string {
	workdir := path.Join("/", cfg.WorkingDir)
	if path.IsAbs(name) {
		return []string{name}
	}
	if strings.Contains(name, "/") {
		return []string{path.Join(workdir, name)}
	}
	var paths []string
	for _, dir := range imagePath(cfg) {
		paths = append(paths, path.Join(dir, name))
	}
	return paths
}

// imagePath lists the folders of the image's PATH, absolute.
func imagePath(cfg dockerspec.DockerOCIImageConfig) []string {
	search := llbgen.Variable(cfg.Env, "PATH")
	if search == "" {
		search = defaultPath
	}
	var dirs []string
	for dir := range strings.SplitSeq(search, ":") {
		if !path.IsAbs(dir) {
			dir = path.Join("/", cfg.WorkingDir, dir)
		}
		dirs = append(dirs, dir)
	}
	return dirs
}
