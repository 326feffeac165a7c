package eject

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/variants"
)

// Standalone renders an image that needs nothing of dlvgen's: the calls of go build that the
// Dockerfile shows are edited, Delve is compiled from its module, and starts the program. Its
// errors say what that cannot do. What is lost stands in comments, which [Lost] reads.
func Standalone(in Input) ([]byte, error) {
	if err := sayable(in.Plan); err != nil {
		return nil, err
	}
	if p := in.Plan; p.Request.Entry == variants.EntryInplace {
		return nil, fmt.Errorf("the image's command does not lead straight to %s, and only dlvgen's init can stand in the program's place: leave out --standalone, or use --variant attach", p.Program.Path)
	}
	f, err := parse(in.Source)
	if err != nil {
		return nil, err
	}
	r := &renderer{Input: in, file: f, own: newOwnStages(in, f.escape)}
	for _, step := range in.Steps {
		err := r.locateStep(step)
		if compiled := slices.ContainsFunc(in.Captures, func(c Capture) bool { return c.Step == step }); compiled && err != nil {
			return nil, err
		}
	}
	if err := r.setTarget(); err != nil {
		return nil, err
	}
	if r.target.name == "" {
		r.target.rename(prefix + "production")
	}
	if r.target.renamed != "" {
		f.replace(r.target.from.StartLine, r.target.from.EndLine, fromLine(r.target.from, r.target.renamed))
	}
	for _, s := range f.stages {
		for _, in := range s.instructions {
			if err := r.editStep(in); err != nil {
				return nil, err
			}
		}
	}
	final, err := r.standaloneFinal()
	if err != nil {
		return nil, err
	}
	return valid(append(f.text(), final...))
}

// editStep edits what a step runs, if it is one of those that dlvgen's tools would be in.
func (r *renderer) editStep(in *instruction) error {
	if in.step == nil {
		return nil
	}
	t := r.file.scriptOf(in)
	calls, strippers := visibleCalls(t)
	edits, err := r.callEdits(in, calls)
	if err != nil {
		return err
	}
	for _, call := range strippers {
		words := t.text[call.Args[0].Pos().Offset():call.End().Offset()]
		if writesElsewhere.MatchString(words) {
			return fmt.Errorf("line %d: `%s` writes another program without debug information, which --standalone cannot change: leave out --standalone", in.StartLine, words)
		}
		at := int(call.Args[0].Pos().Offset())
		edits = append(edits, edit{at, at, ": "})
	}
	if len(edits) > 0 {
		r.file.insert(in.StartLine, editedMark)
		r.file.replace(in.StartLine, in.EndLine, strings.Join(r.file.apply(in, t, edits), "\n"))
	}
	return nil
}

// editedMark is the comment above what is edited.
const editedMark = "# dlvgen: for debugging."

// writesElsewhere is a call that strips a program into another file.
var writesElsewhere = regexp.MustCompile(`^(.*/)?objcopy\s|\s(-o|--output|-f)`)

// callEdits are those of the calls of an instruction that compiled the program.
func (r *renderer) callEdits(in *instruction, calls []visibleCall) (edits []edit, err error) {
	edited := map[int]bool{}
	for _, c := range r.Captures {
		for _, call := range c.Calls {
			if c.Step != in.step {
				continue
			}
			refused := func(why string) error {
				return fmt.Errorf("line %d: %s is compiled by `go %s`, which --standalone cannot change: %s. Leave out --standalone, or write the call in the Dockerfile",
					in.StartLine, r.Plan.Program.Path, strings.Join(call.Args, " "), why)
			}
			if in.Attributes["json"] && r.editExec(in, call) {
				continue
			}
			var given [][]string
			i := slices.IndexFunc(calls, func(v visibleCall) (ok bool) { given, ok = v.matches(call); return ok })
			switch {
			case i < 0:
				return nil, refused("the RUN instruction does not show it")
			case edited[i]:
				continue
			}
			list, err := calls[i].edits(given, call.Goflags, r.goMinor(), r.Plan.Request.Optimize)
			if err != nil {
				return nil, refused(err.Error())
			}
			edited[i], edits = true, append(edits, list...)
		}
	}
	return edits, nil
}

// goMinor is 26 for a program of Go 1.26, and of a Go that has no number.
func (r *renderer) goMinor() int {
	minor := 26
	_, _ = fmt.Sscanf(r.Plan.Program.GoVersion, "go1.%d", &minor)
	return minor
}

// standaloneFinal is Delve's stage, and what the end of the file adds to production's image.
func (r *renderer) standaloneFinal() ([]byte, error) {
	p := r.Plan
	lines := append([]string{""}, r.delveStage()...)
	lines = append(lines, fmt.Sprintf("# dlvgen: what variant %s has more than production: Delve %s, for %s.", p.Request.Preset, p.Delve, p.Platform))
	for _, lost := range r.lost() {
		lines = append(lines, lostMark+lost)
	}
	lines = append(lines, "FROM "+r.target.name+" AS "+prefix+"image", "COPY --from="+prefix+"delve /dlv "+layout.Delve)
	was, is := r.Production.Config, p.Config.Config
	for _, port := range slices.Sorted(maps.Keys(is.ExposedPorts)) {
		if _, ok := was.ExposedPorts[port]; !ok {
			lines = append(lines, "EXPOSE "+port)
		}
	}
	if p.Request.Variant.Kind != variants.KindAttach {
		entrypoint, cmd, err := r.launch()
		if err != nil {
			return nil, err
		}
		lines = append(lines, "ENTRYPOINT "+entrypoint, "CMD "+cmd)
	}
	return []byte(strings.Join(lines, "\n") + "\n"), nil
}

// launch is Delve's command line with that of production behind it: what CMD has of the
// program's arguments stays there.
func (r *renderer) launch() (entrypoint, cmd string, err error) {
	p := r.Plan
	args, words := p.Program.Args, p.Command
	if len(args) > 0 {
		words = words[:len(words)-len(args)-1]
	}
	behind := min(len(args), len(r.Production.Config.Cmd))
	first, last := args[:len(args)-behind], args[len(args)-behind:]
	if entrypoint, err = list(slices.Concat(p.Prefix, words, []string{"--"}, first)); err != nil {
		return "", "", fmt.Errorf("writing ENTRYPOINT: %w", err)
	}
	if cmd, err = list(last); err != nil {
		return "", "", fmt.Errorf("writing CMD: %w", err)
	}
	return entrypoint, cmd, nil
}

// lostMark begins the comments that say what is lost.
const lostMark = "# dlvgen: lost: "

// Lost are the comments of a Dockerfile that say what its image lacks.
func Lost(text []byte) (lost []string) {
	for line := range strings.Lines(string(text)) {
		if what, ok := strings.CutPrefix(strings.TrimSpace(line), lostMark); ok {
			lost = append(lost, what)
		}
	}
	return lost
}

// lost says what the image lacks that dlvgen's own has.
func (r *renderer) lost() []string {
	p := r.Plan
	lost := []string{"the labels and the plan, so dlvgen connect does not know the image."}
	if p.Request.Variant.Sources == variants.SourcesBaked {
		lost = append(lost, "the sources in the image: give Delve's client a checkout.")
	}
	if p.Request.Variant.Kind == variants.KindAttach {
		return lost
	}
	lost = append(lost,
		"the program's exit code, and its signals: Delve stands in its place, and SIGTERM kills the program.",
		"its environment and name as in production: Delve adds variables, and names it by its whole path.",
		"DLVGEN_START, and commands that replace production's: what follows the image are arguments of the program.",
		"the settings that Delve has: it writes its own, and Go's telemetry, below the home folder.")
	if p.Program.Capabilities != "" || fs.FileMode(p.Program.Mode)&0o6000 != 0 {
		lost = append(lost, "the capabilities or the user that the program's file gives it: a debugged program does not get them.")
	}
	return lost
}
