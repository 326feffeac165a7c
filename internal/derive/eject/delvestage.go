package eject

import (
	"fmt"
	"go/version"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/variants/delve"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// moduleSettings are the variables that say where the go command gets modules from.
var moduleSettings = []string{"GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE"}

// delveStage compiles Delve, in the image that has the go command which compiles the program.
func (r *renderer) delveStage() []string {
	from, settings := r.golang()
	lines := []string{"# dlvgen: Delve, compiled from its module.", from}
	lines = append(lines, settings...)
	return append(lines, "RUN "+delveCommand(r.Platform, r.Plan.Delve), "")
}

// delveCommand compiles Delve to /dlv. go install takes no -o, and for another platform
// neither GOBIN nor the same folder.
func delveCommand(p ocispecs.Platform, version string) string {
	return fmt.Sprintf("CGO_ENABLED=0 GOOS=%s GOARCH=%s GOFLAGS= GOBIN= GOPATH=/dlvgen go install -trimpath -ldflags='-s -w' %s@v%s && find /dlvgen/bin -name dlv -exec mv {} /dlv ';'",
		p.OS, p.Architecture, delve.Package, version)
}

// golang is the FROM instruction of an image with a go command, and what the Dockerfile sets
// there for modules: that of the stage that compiles the program, if the image has the
// command, and it compiles Delve.
func (r *renderer) golang() (from string, settings []string) {
	const name = prefix + "delve"
	needs := delve.CompiledBy(r.Plan.Delve)
	language := version.Lang(r.Plan.Program.GoVersion)
	newer := language == "" || version.Compare(language, needs) >= 0
	if newer && len(r.Captures) > 0 {
		for _, s := range r.file.stages {
			i := slices.IndexFunc(s.instructions, func(in *instruction) bool { return in.step == r.Captures[0].Step })
			if i < 0 {
				continue
			}
			ahead := s.instructions[:i]
			root := s
			for below := r.file.base(root); below != nil; below = r.file.base(root) {
				root = below
				ahead = append(slices.Clone(root.instructions), ahead...)
			}
			if isGolang(root.base) || !slices.ContainsFunc(ahead, touches) {
				return fromLine(root.from, name), settingsOf(ahead)
			}
		}
	}
	if !newer || language == "" {
		language = needs
	}
	return fmt.Sprintf("FROM golang:%s AS %s", strings.TrimPrefix(language, "go"), name), nil
}

// isGolang tells whether an image is Docker's golang, or a mirror's.
func isGolang(image string) bool {
	image, _, _ = strings.Cut(image, "@")
	image, _, _ = strings.Cut(path.Base(image), ":")
	return image == "golang"
}

// settingsOf are the instructions that only set where modules come from.
func settingsOf(list []*instruction) (settings []string) {
	for _, in := range list {
		if !in.is("arg", "env") || in.Next == nil {
			continue
		}
		all := true
		for n := in.Next; n != nil; n = n.Next {
			name, _, _ := strings.Cut(n.Value, "=")
			if in.is("env") { // name, value, separator
				if n.Next == nil || n.Next.Next == nil {
					break
				}
				n = n.Next.Next
			}
			all = all && slices.Contains(moduleSettings, name)
		}
		if all {
			settings = append(settings, in.Original)
		}
	}
	return settings
}
