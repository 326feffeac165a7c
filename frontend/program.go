package frontend

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/gobin"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// program is what an image starts: the file and its arguments.
type program struct {
	path string
	args []string
	size int64
}

// String names the program as errors do.
func (p program) String() string { return p.path }

// defaultPath is what a container's PATH is where the config sets none
// (moby/buildkit, util/system).
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// programOf finds the file that ENTRYPOINT and CMD start, as a container runtime
// would: a name without a slash along PATH, a relative one below WORKDIR.
func programOf(ctx context.Context, root rootFS, cfg dockerspec.DockerOCIImageConfig) (program, error) {
	argv := slices.Concat(cfg.Entrypoint, cfg.Cmd)
	if len(argv) == 0 || argv[0] == "" {
		return program{}, fmt.Errorf("the image starts nothing: it has neither ENTRYPOINT nor CMD, so there is no program to put under the debugger")
	}
	for _, p := range candidates(argv[0], cfg) {
		st, err := root.stat(ctx, p)
		if err != nil {
			return program{}, err
		}
		if st == nil || !fs.FileMode(st.Mode).IsRegular() {
			continue
		}
		return program{path: p, args: argv[1:], size: st.Size}, nil
	}
	return program{}, fmt.Errorf("the image starts %q (%s), and there is no such file in it: production would not start either",
		argv[0], origin(cfg))
}

// candidates are the paths at which a runtime looks for a command.
func candidates(name string, cfg dockerspec.DockerOCIImageConfig) []string {
	workdir := path.Join("/", cfg.WorkingDir)
	if path.IsAbs(name) {
		return []string{name}
	}
	if strings.Contains(name, "/") {
		return []string{path.Join(workdir, name)}
	}
	search := env(cfg.Env, "PATH")
	if search == "" {
		search = defaultPath
	}
	var paths []string
	for dir := range strings.SplitSeq(search, ":") {
		if !path.IsAbs(dir) {
			dir = path.Join(workdir, dir)
		}
		paths = append(paths, path.Join(dir, name))
	}
	return paths
}

// origin says which instruction an image's command comes from.
func origin(cfg dockerspec.DockerOCIImageConfig) string {
	if len(cfg.Entrypoint) > 0 {
		return "ENTRYPOINT"
	}
	return "CMD"
}

// factsOf reads what the program says of itself.
func factsOf(ctx context.Context, root rootFS, p program) (*gobin.Facts, error) {
	return gobin.Read(gobin.NewBlockReader(file{ctx: ctx, root: root, path: p.path}, p.size, gobin.DefaultBlock))
}
