package eject

import (
	"encoding/csv"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/moby/buildkit/util/system"
)

// stage edits the steps of one stage.
func (r *renderer) stage(s *stage) error {
	if s.name == "" && r.named(s) {
		s.rename(r.own.named("build"))
	}
	if s.renamed != "" {
		r.file.replace(s.from.StartLine, s.from.EndLine, fromLine(s.from, s.renamed))
	}
	w := &stageWriter{renderer: r, stage: s}
	for i, in := range s.instructions {
		if in.step == nil {
			w.pass(in)
			continue
		}
		if err := w.step(i, in); err != nil {
			return err
		}
	}
	w.setPath("", s.end())
	return nil
}

// named tells whether a stage must have a name, since what its steps make is copied from it.
func (r *renderer) named(s *stage) bool {
	return slices.ContainsFunc(s.instructions, func(in *instruction) bool {
		return in.step != nil && (r.linked() || r.capture(in.step) != nil)
	})
}

// stageWriter is what has become of a stage so far.
type stageWriter struct {
	*renderer
	stage *stage

	// before is the stage ahead of the last split, real the stages that have its programs.
	before string
	real   map[string]string

	// stale says that what stands behind the split may have changed the toolchain.
	stale bool

	folders, production string // of PATH, and what it is without them
}

// pass goes on behind an instruction that is left as it is.
func (w *stageWriter) pass(in *instruction) {
	harmless := in.is("copy", "add", "workdir", "user", "label", "arg", "expose", "volume", "stopsignal", "cmd", "entrypoint", "healthcheck", "shell")
	if !harmless || strings.Contains(in.Original, "PATH") {
		w.setPath("", w.file.commentsAbove(in.Node))
	}
	if touches(in) {
		w.stale = true
	}
}

// touches tells whether an instruction may bring or change a toolchain.
func touches(in *instruction) bool {
	return in.is("run", "add") || in.is("copy") && in.flag("from") != ""
}

// step edits the instruction of an instrumented step.
func (w *stageWriter) step(i int, in *instruction) error {
	capture := w.capture(in.step)
	aside := capture != nil && w.ships(w.stage)
	if w.needs(in.step) && (w.before == "" || w.stale || !w.has(in.step)) || aside {
		w.split(i, in, aside)
	}
	run, err := w.run(in)
	if err != nil {
		return err
	}
	line := in.StartLine
	var copied []string
	if capture != nil {
		for _, m := range given(in.step) {
			if m.Output {
				from, source := w.own.of(m, in.step.Platform)
				copied = append(copied, fmt.Sprintf("COPY --from=%s %s %s", from, source, captureDir))
			}
		}
	}
	folders := foldersOf(in.step)
	w.production = pathOf(in.step.Env)
	if aside {
		w.aside(in, copied, folders, run)
		copied = nil
	}
	if w.folders != folders || len(copied) > 0 {
		w.file.insert(line, "# dlvgen: what compiles with dlvgen's stand-in for go.")
	}
	w.file.insert(line, copied...)
	w.setPath(folders, line)
	w.file.replace(line, line, run[0])
	return nil
}

// aside runs the step once more in a stage of its own, for its sources: what they are
// captured to would be in the image.
func (w *stageWriter) aside(in *instruction, copied []string, folders string, run []string) {
	name := w.own.named("sources")
	in.captured = name
	w.stage.added++
	lines := append([]string{"# dlvgen: the sources that the step compiles, without what it leaves in the image.", "FROM " + w.before + " AS " + name}, copied...)
	if w.folders != folders {
		lines = append(lines, w.pathLine(folders))
	}
	lines = append(lines, run...)
	// Ahead of the FROM that goes on, which the split has put last.
	at := w.file.commentsAbove(in.Node)
	text := w.file.before[at]
	w.file.before[at] = slices.Concat(text[:len(text)-1], lines, text[len(text)-1:])
}

// given are the mounts that show something. An instruction has no results beside its
// stage, so that the stand-in captures to the folder that it is given.
func given(s *llbgen.Step) []llbgen.Mount {
	return slices.DeleteFunc(slices.Clone(s.Mounts), func(m llbgen.Mount) bool { return len(m.Files) == 0 })
}

// needs tells whether a step is given a file of its own stage.
func (w *stageWriter) needs(s *llbgen.Step) bool { return len(programsOf(s)) > 0 }

// has tells whether the last split has all those files.
func (w *stageWriter) has(s *llbgen.Step) bool {
	return !slices.ContainsFunc(programsOf(s), func(p string) bool { return w.real[p] == "" })
}

// programsOf are the files that a step is given of its own stage.
func programsOf(s *llbgen.Step) (programs []string) {
	for _, m := range given(s) {
		if m.Files[0].From == llbgen.FromStep {
			programs = append(programs, m.Files[0].Name)
		}
	}
	return programs
}

// split parts the stage ahead of a step: a step can be given files of another stage only.
// Where nothing ahead of the step can have brought them, they are those of the base.
func (w *stageWriter) split(i int, in *instruction, exact bool) {
	w.splits++
	name := fmt.Sprintf("%sbase-%d", prefix, w.splits)
	going := "FROM " + name
	if w.stage.name != "" {
		going += " AS " + w.stage.name
	}
	ahead := w.stage.instructions[:i]
	lines := w.takeAside(name, in.step)
	if w.before == "" && !exact && !slices.ContainsFunc(ahead, touches) {
		from := w.stage.from
		lines = append(append([]string{fromLine(from, name)}, lines...), going)
		w.file.replace(from.StartLine, from.EndLine, strings.Join(lines, "\n"))
	} else {
		if w.before == "" {
			from := w.stage.from
			w.file.replace(from.StartLine, from.EndLine, fromLine(from, name))
		} else {
			w.reopen(name)
		}
		w.file.insert(w.file.commentsAbove(in.Node), append(lines, going)...)
	}
	w.stage.added++
	w.before, w.stale = name, false
}

// reopen renames the part of the stage that the last split has opened, since another split
// takes its name along.
func (w *stageWriter) reopen(name string) {
	going := "FROM " + w.before
	named := going
	if w.stage.name != "" {
		named += " AS " + w.stage.name
	}
	swap := func(text string) string {
		return strings.Replace(text+"\n", "\n"+named+"\n", "\n"+going+" AS "+name+"\n", 1)
	}
	for line, text := range w.file.before {
		joined := "\n" + strings.Join(text, "\n")
		if changed := swap(joined); changed != joined+"\n" {
			w.file.before[line] = strings.Split(strings.Trim(changed, "\n"), "\n")
			return
		}
	}
	from := w.stage.from.StartLine
	was := w.file.replaced[from]
	was.text = strings.TrimSuffix(swap(was.text), "\n")
	w.file.replaced[from] = was
}

// takeAside are stages with the real programs of a step.
func (w *stageWriter) takeAside(from string, s *llbgen.Step) []string {
	w.real = map[string]string{}
	var lines []string
	for _, m := range given(s) {
		if f := m.Files[0]; f.From == llbgen.FromStep {
			stage := w.own.named("real-go")
			w.real[f.Name] = stage
			w.stage.added++
			lines = append(lines, "# dlvgen: "+m.Title+".", "FROM scratch AS "+stage, fmt.Sprintf("COPY --from=%s %s %s", from, f.Name, f.Path))
		}
	}
	return append(lines, "# dlvgen: the stage goes on.")
}

var runWord = regexp.MustCompile(`^(\s*(?i:run))(\s.*)?$`)

// run is the instruction with the mounts, of which the first element replaces the first
// line.
func (w *stageWriter) run(in *instruction) ([]string, error) {
	lines := w.file.lines[in.StartLine-1 : in.EndLine]
	parts := runWord.FindStringSubmatch(lines[0])
	if parts == nil {
		return nil, fmt.Errorf("line %d: the RUN instruction has an unexpected form", in.StartLine)
	}
	next := " " + w.file.escape + "\n    "
	text := parts[1]
	for _, m := range given(in.step) {
		if m.Output {
			continue
		}
		flag, err := w.mount(m, in.step)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", in.StartLine, err)
		}
		if text != parts[1] {
			text += next
		} else {
			text += " "
		}
		text += flag
	}
	rest := strings.TrimSpace(parts[2])
	if rest == w.file.escape {
		text += " " + rest
	} else {
		text += next + rest
	}
	return append([]string{text}, lines[1:]...), nil
}

// mount is a mount as a flag.
func (w *stageWriter) mount(m llbgen.Mount, s *llbgen.Step) (string, error) {
	var from, source string
	if f := m.Files[0]; f.From == llbgen.FromStep {
		from, source = w.real[f.Name], f.Path
	} else {
		from, source = w.own.of(m, s.Platform)
	}
	words := []string{"type=bind"}
	if m.ID != "" {
		words = []string{"type=cache", "id=" + path.Base(m.ID)} // BuildKit adds the namespace
	}
	words = append(words, "from="+from, "source="+source, "target="+m.Dest)
	if strings.ContainsAny(m.Dest+source, "$\" \t\r\n"+w.file.escape) {
		return "", fmt.Errorf("the path %s cannot be written in --mount", m.Dest)
	}
	var b strings.Builder
	c := csv.NewWriter(&b)
	if err := c.Write(words); err != nil {
		return "", err
	}
	c.Flush()
	return "--mount=" + strings.TrimSpace(b.String()), c.Error()
}

// foldersOf are the folders that go ahead of a step's PATH.
func foldersOf(s *llbgen.Step) string {
	var folders []string
	for _, m := range s.Mounts {
		if m.InPath {
			folders = append(folders, m.Dest)
		}
	}
	return strings.Join(folders, ":")
}

// pathOf is the PATH of an environment.
func pathOf(env []string) string {
	if value := llbgen.Variable(env, "PATH"); value != "" {
		return value
	}
	return system.DefaultPathEnvUnix
}

// setPath has folders ahead of PATH from a line on, or takes them away.
func (w *stageWriter) setPath(folders string, line int) {
	if folders != w.folders {
		if folders == "" {
			w.file.insert(line, "# dlvgen: PATH as it was.")
		}
		w.file.insert(line, w.pathLine(folders))
	}
	w.folders = folders
}

func (w *stageWriter) pathLine(folders string) string {
	value := w.production
	if folders != "" {
		value = folders + ":" + value
	}
	return "ENV PATH=" + quoted(value, w.file.escape)
}
