package frontend

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/record"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// refusal is why there can be no debug image, be it found out in what was built or before
// that. The texts are here, each once.
type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }

func refuse(format string, args ...any) error { return &refusal{fmt.Errorf(format, args...)} }

// noSuchFile refuses an image whose command names nothing. found says how that is known.
func noSuchFile(word string, cfg dockerspec.DockerOCIImageConfig, found string) error {
	return refuse("the image starts %q (%s), and %s: production would not start either", word, origin(cfg), found)
}

// notCopied refuses what a COPY does not find.
func notCopied(program, from string) error {
	return refuse("%s is copied from %s, which does not exist or is excluded by .dockerignore: compile it in the Dockerfile, or make it before the build", program, from)
}

// startsDelve refuses an image that has its debugger already.
func startsDelve(program string, cfg dockerspec.DockerOCIImageConfig) error {
	return refuse("the image starts Delve already, %s (%s), and a program can have only one debugger: derive from the Dockerfile or the target that production runs, or use the image as it is",
		program, origin(cfg))
}

// occupied refuses an image that has a path of dlvgen's.
func occupied(ours string) error {
	return refuse("the image has %s already, which dlvgen needs to create: derive from a Dockerfile target that has no debugger in it", ours)
}

// noStepCompiles refuses what is known to compile no Go before it is built. program is what
// the image starts, and from what that comes from, where these are known.
func noStepCompiles(production, program, from string, cfg dockerspec.DockerOCIImageConfig) error {
	starts := ""
	if from != "" {
		starts = fmt.Sprintf(", and %s, which the image starts (%s), comes from %s", program, origin(cfg), from)
	}
	return refuse("no step of %s compiles Go%s: compile the program in the Dockerfile", production, starts)
}

// notGo says that what the image starts is no Go program, and that none that this
// build compiled is in the image either.
func notGo(p *program, cfg dockerspec.DockerOCIImageConfig, compiles bool) error {
	why := "the build compiles no Go program: compile it in the Dockerfile, or derive the Dockerfile target that has one"
	if compiles {
		why = "no program that this build compiled is in the image"
	}
	return refuse("%s, which the image starts (%s), cannot be debugged: %w; %s", p, origin(cfg), p.unread, why)
}

// changedAfterwards says of a program that a step compiled for debugging, that it is no
// longer what the step made.
func changedAfterwards(p *program, cfg dockerspec.DockerOCIImageConfig, captures []capture, cause error) error {
	where := "it was compiled for debugging by %q, and changed afterwards: look for strip, objcopy or upx in a later step"
	if !p.facts.DWARF && linksShared(captures) {
		where = "%q links it with -linkshared, and then the go command omits debug information: derive from a build without that flag"
	}
	return refuse("%s, which the image starts (%s), cannot be debugged: %w; "+where, p, origin(cfg), cause, captures[0].step.Name)
}

// copiedReadyMade refuses a program that no step compiles: from is where a COPY finds it.
// The advice is empty for what is no Go program.
func copiedReadyMade(p *program, from string, cause error, advice string) error {
	if advice == "" {
		return refuse("%s is copied as a finished binary from %s, and is not a Go program: %w", p, from, cause)
	}
	return refuse("%s is copied as a finished binary from %s (%s), and cannot be debugged: %w: %s", p, from, p.what(), cause, advice)
}

// foundReadyMade is copiedReadyMade of an image that was built, where more than a COPY may
// have brought the program if any step was instrumented.
func foundReadyMade(p *program, cfg dockerspec.DockerOCIImageConfig, production string, instrumented bool, cause error, advice string) error {
	where := "it was copied in as a finished binary"
	if instrumented {
		where = "no step of " + production + " compiled it: it was copied in as a finished binary, or compiled by a go command that dlvgen did not see"
	}
	return refuse("%s, which the image starts (%s), cannot be debugged: %w; %s (%s): %s", p, origin(cfg), cause, where, p.what(), advice)
}

// unknownSources says of a ready-made program why its sources cannot be baked in.
func unknownSources(program, production string) error {
	return refuse("no step of %s compiled %s, so its sources are not known: derive a variant without sources, or with --sources=excluded", production, program)
}

// unknownSymbols says of a ready-made program why there is no sidecar for it.
func unknownSymbols(p *program) error {
	return refuse("no step of the Dockerfile compiled %s, so its symbols are not known: derive another variant, or compile it in the Dockerfile", p)
}

// notRebuilt refuses a program that cannot be compiled again.
func notRebuilt(p *program, cause error) error {
	return refuse("--rebuild cannot compile %s, %s: %w; compile it in the Dockerfile", p, p.what(), cause)
}

// linksShared tells whether any call that compiled the program linked it to shared
// libraries of packages (forcedLdflags in cmd/go/internal/work/init.go).
func linksShared(captures []capture) bool {
	return slices.ContainsFunc(captures, func(c capture) bool {
		return slices.ContainsFunc(c.manifests, func(m record.Manifest) bool {
			return slices.Contains(append(strings.Fields(m.GoflagsBefore), m.ArgsBefore...), "-linkshared")
		})
	})
}
