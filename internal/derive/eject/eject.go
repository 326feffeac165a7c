// Package eject writes a debug image as a plain Dockerfile, which BuildKit's own frontend
// builds without dlvgen: the user's text with the changes that a derivation makes to the
// build, each marked by a comment. It is made from the plan and the mounts of a derivation.
package eject

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/solver/pb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Input is what a Dockerfile is made from.
type Input struct {
	// Source has the text of production's Dockerfile, and the lines of its steps.
	Source *pb.Source

	// Target is the stage that production ships, its name or number. The default is the
	// last one.
	Target string

	// Steps are those that were instrumented.
	Steps []*llbgen.Step

	// Captures are those of the steps that compiled the program.
	Captures []Capture

	// Plan is the image's, and PlanJSON the plan as the image holds it.
	Plan     *variants.Plan
	PlanJSON []byte

	// Production is the config of the production image, and Platform its platform.
	Production *dockerspec.DockerOCIImage
	Platform   ocispecs.Platform

	// Tools is the frontend image that has the tools, with its digest.
	Tools string
}

// Capture is what one step recorded: a folder for each user who compiled.
type Capture struct {
	Step  *llbgen.Step
	Users []string

	// Calls are those of the go command that compiled the program.
	Calls []GoCall
}

// Dockerfile renders the image. Its errors say what a Dockerfile cannot.
func Dockerfile(in Input) ([]byte, error) {
	if err := sayable(in.Plan); err != nil {
		return nil, err
	}
	f, err := parse(in.Source)
	if err != nil {
		return nil, err
	}
	r := &renderer{Input: in, file: f, own: newOwnStages(in, f.escape), made: map[string]bool{}}
	if err := r.locate(); err != nil {
		return nil, err
	}
	if err := r.setTarget(); err != nil {
		return nil, err
	}
	for _, s := range f.stages {
		if err := r.stage(s); err != nil {
			return nil, err
		}
	}
	final, err := r.final()
	if err != nil {
		return nil, err
	}
	f.insert(f.commentsAbove(f.stages[0].from), r.own.text()...)
	if err := r.renumber(); err != nil {
		return nil, err
	}
	return valid(append(f.text(), final...))
}

// sayable refuses what no Dockerfile says.
func sayable(p *variants.Plan) error {
	const remedy = "use `dlvgen build`"
	switch {
	case p.Request.Variant.Kind == variants.KindSidecar:
		return errors.New("a sidecar has the symbols of one production binary, which dlvgen compares with it section by section, and a Dockerfile cannot do that: " + remedy)
	case p.Program.Rebuilt != nil:
		return fmt.Errorf("%s is compiled again by --rebuild, in a step that the Dockerfile does not have: %s", p.Program.Path, remedy)
	}
	for _, name := range namesIn(p) {
		if strings.ContainsAny(name, "\r\n") {
			return fmt.Errorf("the path %q has a line break, which would end an instruction: %s", name, remedy)
		}
	}
	return nil
}

// namesIn are the paths of a plan that instructions are made of.
func namesIn(p *variants.Plan) (names []string) {
	for _, l := range p.Layers {
		for _, i := range l.Items {
			names = append(names, i.Path, i.Name, i.Target)
		}
		for _, f := range l.Folders {
			names = append(names, f.Path)
		}
	}
	return names
}

// valid checks that the text is a Dockerfile.
func valid(text []byte) ([]byte, error) {
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err == nil {
		_, _, err = instructions.Parse(parsed.AST, linter.New(&linter.Config{})) // which comments "# check=" need
	}
	if err != nil {
		return nil, fmt.Errorf("the Dockerfile that was made is not valid, which is an error of dlvgen: %w", err)
	}
	return text, nil
}

// renderer is the state of one call of Dockerfile.
type renderer struct {
	Input
	file   *file
	own    *ownStages
	target *stage

	// separate says that what ships is a stage of its own, behind the user's.
	separate bool

	splits int             // how many stages were split
	links  string          // the stage that has the symbolic links
	made   map[string]bool // folders of ours in the image
}

// locate finds the instruction of each step.
func (r *renderer) locate() error {
	for _, s := range r.Steps {
		if err := r.locateStep(s); err != nil {
			return err
		}
	}
	return nil
}

func (r *renderer) locateStep(s *llbgen.Step) error {
	locations := r.Source.Locations[string(s.Digest)].GetLocations()
	if len(locations) == 0 {
		return fmt.Errorf("%q is not a step of the Dockerfile: a trigger of a base image, or an older BuildKit's", s.Name)
	}
	for _, l := range locations {
		line := 0
		for _, at := range l.Ranges {
			if start := int(at.Start.Line); line == 0 || start < line {
				line = start
			}
		}
		in := r.file.at(line)
		if in == nil || !in.is("run") {
			return fmt.Errorf("%q comes from line %d of the Dockerfile, which is no RUN instruction: it is a trigger of the base image (ONBUILD), which cannot be edited here", s.Name, line)
		}
		in.step = s
	}
	return nil
}

// setTarget finds the stage that ships, and whether it is left as it is.
func (r *renderer) setTarget() error {
	last := r.file.stages[len(r.file.stages)-1]
	r.target = last
	if r.Target != "" {
		if r.target = r.file.find(r.Target); r.target == nil {
			return fmt.Errorf("the Dockerfile has no stage %q", r.Target)
		}
	}
	r.separate = r.target != last || slices.ContainsFunc(r.Plan.Layers, func(l variants.Layer) bool {
		return slices.ContainsFunc(l.Items, func(i variants.Item) bool { return i.From == variants.FromProduction })
	})
	if r.separate && r.target.name == "" {
		r.target.rename(prefix + "production")
	}
	return nil
}

// capture is what a step recorded that is to be kept, nil for none.
func (r *renderer) capture(s *llbgen.Step) *Capture {
	if r.Plan.Request.Variant.Sources != variants.SourcesBaked {
		return nil
	}
	for i := range r.Captures {
		if r.Captures[i].Step == s {
			return &r.Captures[i]
		}
	}
	return nil
}

// sourcesOf are the names of the stages that have a capture, and its users' folders.
func (r *renderer) sourcesOf(c Capture) (stage string, folders []string, err error) {
	for _, s := range r.file.stages {
		for _, in := range s.instructions {
			if in.step == c.Step {
				for _, user := range c.Users {
					folders = append(folders, path.Join(captureDir, path.Base(user)))
				}
				return cmp.Or(in.captured, s.name), folders, nil
			}
		}
	}
	return "", nil, fmt.Errorf("the sources that %q compiled have no stage", c.Step.Name)
}

// ships tells whether a stage's files are in the image: it is the target, or one below it.
func (r *renderer) ships(s *stage) bool {
	for at := r.target; at != nil; at = r.file.base(at) {
		if at == s {
			return true
		}
	}
	// COPY --from=STAGE / takes everything.
	return slices.ContainsFunc(r.file.stages, func(other *stage) bool {
		return slices.ContainsFunc(other.instructions, func(in *instruction) bool {
			return in.is("copy") && in.copies("/") && r.file.find(in.flag("from")) == s
		})
	})
}
