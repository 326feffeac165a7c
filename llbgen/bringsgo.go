package llbgen

import (
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/dlvgen/dlvgen/internal/shell"
	"github.com/moby/buildkit/solver/pb"
)

// script is what is known of a step's commands before it runs.
type script struct {
	shell.Script

	// speaksOfGo is set where the step's text has a word that has to do with Go.
	speaksOfGo bool
}

// readStep reads a step: what is mounted into it speaks of Go as its text does.
func readStep(exec *pb.ExecOp) script {
	s := script{Script: shell.Read(exec.Meta.Args), speaksOfGo: slices.ContainsFunc(exec.Meta.Args, speaksOfGo)}
	for _, m := range exec.Mounts {
		s.speaksOfGo = s.speaksOfGo || m != nil && m.Dest != pb.RootMount && (speaksOfGo(m.Dest) || speaksOfGo(m.Selector))
	}
	return s
}

// mayCompile says why a step may compile Go, "" where it surely does not or is taken
// not to: where there is no Go, commands compile it only if the step brings it. A step
// that is instrumented for nothing loses its cached result, and may be a long compile in
// another language. One that was left out is given the stand-ins after all where the
// program turns out to be its work (Suspects).
func (s script) mayCompile(t located) string {
	if t.none() && !s.speaksOfGo {
		return ""
	}
	return s.MayCompile()
}

// speaksOfGo tells whether a text has a word that has to do with Go: a package or an
// archive of the toolchain, a variable of the go command, a version manager.
func speaksOfGo(text string) bool {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		switch strings.ToLower(word) {
		case "go", "golang", "gccgo", "cgo",
			"goarch", "gobin", "gocache", "goenv", "goflags", "gomodcache", "goos", "gopath", "goproxy", "goroot", "gotoolchain",
			"asdf", "gobrew", "gvm", "mise":
			return true
		}
	}
	return false
}

// withoutGo are the official images of Docker Hub that builds start from and that have
// no Go.
var withoutGo = []string{
	"almalinux", "alpine", "amazoncorretto", "amazonlinux", "archlinux", "bash", "buildpack-deps", "busybox", "clojure", "composer",
	"dart", "debian", "docker", "eclipse-temurin", "elixir", "erlang", "fedora", "gcc", "gradle", "groovy", "haproxy", "haskell", "httpd",
	"ibmjava", "julia", "mariadb", "maven", "memcached", "mongo", "mysql", "nginx", "node", "openjdk", "oraclelinux", "perl", "photon", "php",
	"postgres", "python", "redis", "rockylinux", "ruby", "rust", "sbt", "sapmachine", "swift", "tomcat", "traefik", "ubuntu",
}

// isWithoutGo tells whether a source is known to have no Go.
func isWithoutGo(source string) bool {
	name, ok := strings.CutPrefix(source, "docker-image://")
	if !ok {
		return false
	}
	if strings.HasPrefix(name, "gcr.io/distroless/") {
		return true
	}
	official, ok := strings.CutPrefix(name, "docker.io/library/")
	if !ok {
		return false
	}
	if i := strings.IndexAny(official, ":@"); i >= 0 {
		official = official[:i]
	}
	return slices.Contains(withoutGo, official)
}

// mayBringGo tells whether an op could put a Go toolchain into a file system that has
// none.
func (in *instrumenter) mayBringGo(i int) bool {
	v := in.vertices[i]
	switch {
	case v.op.GetExec() != nil:
		return in.scripts[i].speaksOfGo || in.scripts[i].MayCompile() != ""
	case v.op.GetFile() != nil:
		return slices.ContainsFunc(v.op.GetFile().Actions, func(a *pb.FileAction) bool { return in.copiesGo(v, a) })
	}
	layers := layersOfMerge(v)
	return len(layers) == 0 || slices.ContainsFunc(layers[1:], func(l int) bool {
		return in.vertices[l].op.GetFile() == nil || in.mayBringGo(l)
	})
}

// copiesGo tells whether a file action could bring a toolchain: it speaks of Go, unpacks
// an archive, or takes all that another stage has.
func (in *instrumenter) copiesGo(v vertex, a *pb.FileAction) bool {
	c := a.GetCopy()
	if c == nil {
		return false
	}
	if speaksOfGo(c.Src) || speaksOfGo(c.Dest) || c.AttemptUnpackDockerCompatibility && strings.Contains(path.Base(c.Src), ".t") {
		return true
	}
	if path.Clean("/"+c.Src) != "/" || a.SecondaryInput < 0 || a.SecondaryInput >= int64(len(v.inputs)) {
		return false
	}
	source := in.vertices[v.inputs[a.SecondaryInput]].op.GetSource()
	return source == nil || strings.HasPrefix(source.Identifier, "docker-image://")
}
