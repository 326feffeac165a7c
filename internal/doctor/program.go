package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/dlvgen/dlvgen/variants/delve"
	"github.com/moby/moby/client"
)

// program is the Go program of a target.
type program struct {
	path  string // in the target
	file  string // a copy
	facts *gobin.Facts
	files files // the target's
}

// maxProgram is more than any program has.
const maxProgram = 2 << 30

func (d *Doctor) program(ctx context.Context) (*program, error) {
	return d.programFact.get(ctx, func(ctx context.Context) (*program, error) {
		t, err := d.target(ctx)
		if err != nil {
			return nil, err
		}
		from, config, err := d.filesOf(ctx, t)
		if err != nil {
			return nil, err
		}
		labels := t.labels()
		if labels.Kind == variants.KindSidecar {
			return d.symbolsFile(ctx, from, labels)
		}
		names := programs(labels)
		if len(names) == 0 {
			names = append(d.processes(ctx, t), config.candidates()...)
		}
		return d.firstProgram(ctx, t, from, names)
	})
}

// programs are where a debug image has its program, none for a production image.
func programs(labels variants.Labels) []string {
	switch {
	case labels.Kind == "":
		return nil
	case labels.Entry == variants.EntryInplace:
		return []string{path.Join(layout.Program, path.Base(labels.Program)), labels.Program}
	}
	return []string{labels.Program}
}

// firstProgram is the first of some files that is a Go program.
func (d *Doctor) firstProgram(ctx context.Context, t *target, from files, names []string) (*program, error) {
	const most = 8
	var reasons []string
	for _, name := range names[:min(len(names), most)] {
		file, err := d.copyOf(ctx, from, name)
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			reasons = append(reasons, reason(name, err))
			continue
		}
		facts, err := gobin.ReadFile(file)
		if err != nil {
			reasons = append(reasons, reason(name, err))
			continue
		}
		return &program{path: name, file: file, facts: facts, files: from}, nil
	}
	return nil, &noProgramError{t.name, reasons}
}

func reason(name string, err error) string {
	if errors.Is(err, os.ErrNotExist) {
		return name + " is not there"
	}
	return fmt.Sprintf("%s: %s", name, err)
}

// noProgramError says why nothing of a target is a Go program.
type noProgramError struct {
	target  string
	reasons []string
}

func (e *noProgramError) Error() string {
	return fmt.Sprintf("%s starts no Go program that could be read", e.target)
}

// symbolsFile is the debug information that a sidecar has. It need not be a whole program.
func (d *Doctor) symbolsFile(ctx context.Context, from files, labels variants.Labels) (*program, error) {
	file, err := d.copyOf(ctx, from, layout.SymbolsFile)
	if err != nil {
		return nil, err
	}
	facts, err := gobin.ReadFile(file)
	if err != nil {
		facts = &gobin.Facts{GoVersion: labels.Go, DWARF: true, Info: &debug.BuildInfo{Main: debug.Module{Path: labels.Module}}}
	}
	return &program{path: labels.Program, file: file, facts: facts, files: from}, nil
}

// copyOf copies a file to this machine.
func (d *Doctor) copyOf(ctx context.Context, from files, name string) (file string, err error) {
	err = from.each(ctx, name, func(_ string, content io.Reader) error {
		if file != "" {
			return fmt.Errorf("%s is a folder", name)
		}
		f, err := d.folder.file()
		if err != nil {
			return err
		}
		file = f.Name()
		n, err := io.Copy(f, io.LimitReader(content, maxProgram))
		if n == maxProgram {
			err = fmt.Errorf("%s is too large for a program", name)
		}
		return errors.Join(err, f.Close())
	})
	if err == nil && file == "" {
		err = fmt.Errorf("%s: %w", name, os.ErrNotExist)
	}
	return file, err
}

// startup is how an image or a container starts its program.
type startup struct {
	words, env []string
	folder     string
}

// candidates are the absolute paths that the words of a command may mean.
func (s startup) candidates() []string {
	search := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, v := range s.env {
		if value, ok := strings.CutPrefix(v, "PATH="); ok {
			search = value
		}
	}
	var list []string
	add := func(name string) {
		if path.IsAbs(name) && !slices.Contains(list, path.Clean(name)) {
			list = append(list, path.Clean(name))
		}
	}
	for _, word := range strings.Fields(strings.Join(s.words, " ")) {
		switch {
		case strings.HasPrefix(word, "-"):
		case path.IsAbs(word):
			add(word)
		case strings.Contains(word, "/"):
			add(path.Join("/", s.folder, word))
		}
	}
	for _, word := range s.words {
		if word != "" && !strings.ContainsAny(word, "/ -") {
			for dir := range strings.SplitSeq(search, ":") {
				add(path.Join(dir, word))
			}
		}
	}
	return list
}

// filesOf are the files of a target, and how it starts.
func (d *Doctor) filesOf(ctx context.Context, t *target) (from files, s startup, err error) {
	switch {
	case t.container != nil:
		seen := t.container.Container
		s.words = append([]string{seen.Path}, seen.Args...)
		if seen.Config != nil {
			s.env, s.folder = seen.Config.Env, seen.Config.WorkingDir
		}
		return containerFiles{t.engine, seen.ID}, s, nil
	case t.engine != nil:
		if c := t.image.Config; c != nil {
			s = startup{append(slices.Clone(c.Entrypoint), c.Cmd...), c.Env, c.WorkingDir}
		}
		from, err = d.ofImage(ctx, t.engine, t.production.ID)
		return from, s, err
	}
	images, err := d.publishedImages(ctx, t.production)
	if err != nil {
		return nil, s, err
	}
	img := d.fitting(ctx, images)
	config, err := img.Image.ConfigFile()
	if err != nil {
		return nil, s, err
	}
	c := config.Config
	if t.pod != nil {
		return layerFiles{img.Image}, t.podStartup(c), nil
	}
	return layerFiles{img.Image}, startup{append(slices.Clone(c.Entrypoint), c.Cmd...), c.Env, c.WorkingDir}, nil
}

// fitting is the image for the platform that runs it, else the first.
func (d *Doctor) fitting(ctx context.Context, images []registry.PlatformImage) registry.PlatformImage {
	if img := registry.ForPlatform(images, d.runsOn(ctx)); img != nil {
		return *img
	}
	return images[0]
}

// runsOn is OS/ARCH of the pod's node, or of Docker Engine, empty where nobody tells.
func (d *Doctor) runsOn(ctx context.Context) string {
	if d.Connect == nil {
		own, err := d.platform(ctx)
		if err != nil {
			return ""
		}
		return path.Join(own.OS, own.Architecture)
	}
	t, err := d.target(ctx)
	if err != nil {
		return ""
	}
	_, platform := t.pod.Node(ctx)
	return platform
}

// processes are the executables of a container that runs, those of its first processes first.
func (d *Doctor) processes(ctx context.Context, t *target) []string {
	if t.container == nil || t.container.Container.State == nil || !t.container.Container.State.Running {
		return nil
	}
	var top client.ContainerTopResult
	err := d.waits.Ask(ctx, "Docker Engine", func(ctx context.Context) (err error) {
		top, err = t.engine.ContainerTop(ctx, t.container.Container.ID, client.ContainerTopOptions{Arguments: []string{"-eo", "pid,args"}})
		return err
	})
	if err != nil {
		return nil
	}
	var list []string
	for _, process := range top.Processes {
		if len(process) < 2 {
			continue
		}
		name, _, _ := strings.Cut(process[1], " ")
		if exe, err := os.Readlink(filepath.Join(d.Proc, process[0], "exe")); err == nil && t.engine.Local() {
			name = exe
		}
		if path.IsAbs(name) && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// noProgram is the finding of checks that need one.
func noProgram(err error) finding { return skipped("the program could not be read: %s", err) }

// checkProgram says what the program is, and whether it can be debugged.
func (d *Doctor) checkProgram(ctx context.Context) finding {
	t, err := d.target(ctx)
	if err != nil {
		return noTarget()
	}
	p, err := d.program(ctx)
	var none *noProgramError
	switch {
	case errors.As(err, &none):
		f := withDetails(failed("name a container of a Go program: Delve debugs no other", "%s", err), none.reasons...)
		if t.pod != nil { // whose program may be of a volume
			f.Status = Warning
		}
		return f
	case err != nil && t.pod != nil:
		return skipped("the program cannot be read from here: %s", err)
	case err != nil:
		return failedWith("", fmt.Errorf("the program cannot be read: %w", err))
	}
	name := cmp.Or(p.facts.Info.Path, p.facts.Info.Main.Path, "a program")
	text := fmt.Sprintf("%s is %s, compiled by %s", p.path, name, strings.Replace(p.facts.GoVersion, "go", "Go ", 1))
	if t.labels().Kind == variants.KindSidecar {
		return found("%s: the image has its symbols", text)
	}
	err = p.facts.Debuggable()
	switch debuggable := t.labels().Kind != ""; {
	case err == nil:
		return found("%s, and not optimized", text)
	case !debuggable && !p.facts.DWARF:
		return found("%s, optimized and without debug information: its sidecar has that", text)
	case !debuggable:
		return found("%s, and optimized as production is", text)
	case !p.facts.DWARF:
		return failed("build the debug image again", "%s: %s", text, err)
	}
	return warning("build it without --optimize to see all variables", "%s: %s", text, err)
}

// checkItsDelve compares the program's Go with the Delve of its image, and that with dlv in PATH.
func (d *Doctor) checkItsDelve(ctx context.Context) finding {
	t, err := d.target(ctx)
	if err != nil {
		return noTarget()
	}
	goVersion := t.labels().Go
	if p, err := d.program(ctx); err == nil {
		goVersion = p.facts.GoVersion
	} else if goVersion == "" {
		return noProgram(err)
	}
	its := t.labels().Delve
	if its == "" {
		if its, err = delve.For(goVersion); err != nil {
			return failed("", "%s", err)
		}
		return d.compareDelve(ctx, its, fmt.Sprintf("%s is compiled by %s: its debug images have Delve %s", t.name, goVersion, its))
	}
	if !delve.Debugs(its, goVersion) {
		return failed("build it again with a newer dlvgen, or without --delve", "%s has Delve %s, which debugs programs of Go up to %s, and its program is compiled by %s", t.name, its, delve.NewestGo(its), goVersion)
	}
	return d.compareDelve(ctx, its, fmt.Sprintf("%s has Delve %s, which debugs its program's %s", t.name, its, goVersion))
}

// compareDelve adds what dlv in PATH is to that.
func (d *Doctor) compareDelve(ctx context.Context, its, text string) finding {
	have, err := d.delve(ctx)
	switch {
	case err != nil:
		return found("%s", text)
	case delve.Older(have, its):
		return warning(installDelve(its), "%s; the client in PATH is older, Delve %s", text, have)
	}
	return found("%s; the client in PATH is Delve %s", text, have)
}
