package llbgen

import (
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Step is one instrumented RUN step.
type Step struct {
	// Digest is the step's in the definition that was given, Vertex its new one.
	Digest, Vertex digest.Digest

	// Name is what the progress display calls the step.
	Name string

	// Env is the step's environment as the user wrote it, User its user.
	Env  []string
	User string

	// Reason says why the step is thought to compile Go.
	Reason string

	// Toolchain is what the step's input holds of Go. Located is false where
	// nobody has looked yet.
	Toolchain Toolchain
	Located   bool

	// Mounts are what dlvgen has added to it, and Platform is the one that it runs on.
	Mounts   []Mount
	Platform ocispecs.Platform

	capture, sources, input *pb.Input
	definition              *pb.Definition
	waits                   bool // for another step's toolchain
}

// Capture is the definition of what the step's stand-ins recorded.
func (s *Step) Capture() (*pb.Definition, error) {
	return resultAt(s.definition, s.capture)
}

// Sources is the definition of the sources that root's stand-ins captured: at their paths,
// from the root on. It is nil where the step has no output for them.
func (s *Step) Sources() (*pb.Definition, error) {
	if s.sources == nil {
		return nil, nil
	}
	return resultAt(s.definition, s.sources)
}

// Input is the definition of the root file system that the step starts from, nil
// where it starts from nothing.
func (s *Step) Input() (*pb.Definition, error) {
	if s.input == nil {
		return nil, nil
	}
	return resultAt(s.definition, s.input)
}
