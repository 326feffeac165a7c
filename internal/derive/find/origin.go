package find

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive/rootfs"
	"github.com/dlvgen/dlvgen/internal/shell"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/moby/buildkit/frontend/gateway/client"
)

// likeliest is where a file comes from, as far as that can be told.
type likeliest struct {
	llbgen.Origin

	// others are those that it may come from as well, where only a build can tell
	// which file of a pattern is copied last.
	others []llbgen.Origin

	// there is set where the file was looked up and is there.
	there bool
}

// originOf is where the file comes from that a command's first word names, and its
// path: of several along PATH the first that the Dockerfile names, else the first that
// it may put something at. It is the word itself for a file of the base image, whose
// folder is not known.
func (e *Predicted) originOf(ctx context.Context, word string) (likeliest, string, error) {
	var best likeliest
	at, paths := word, candidatePaths(word, e.Image.Config.Config)
	if len(paths) == 1 {
		at = paths[0]
	}
	for i, p := range paths {
		origins, err := llbgen.Origins(e.Image.Solve.Definition, p)
		if err != nil {
			return best, p, err
		}
		o, err := e.existing(ctx, e.believed(word, origins))
		if err != nil || o.Named || o.there {
			return o, p, err
		}
		if i == 0 || o.Likely && !best.Likely {
			best = o
			if o.Likely && !o.FromImage() {
				at = p
			}
		}
	}
	return best, at, nil
}

// believed are the origins of a word without steps that nothing but their unknown
// commands leads to: those that are not instrumented, and, for a name along PATH, those
// whose stage may have no Go. Where a base image may have a shell, a launcher or an
// interpreter, no step that does not name it made that.
func (e *Predicted) believed(word string, origins []llbgen.Origin) []llbgen.Origin {
	var kept []llbgen.Origin
	others := shell.IsOtherTool(word) && slices.ContainsFunc(origins, llbgen.Origin.FromImage)
	for _, o := range origins {
		if others && o.Compiles != "" && !o.Named {
			continue
		}
		if i := slices.IndexFunc(e.Steps, func(s llbgen.Surveyed) bool { return s.Makes(o) }); i >= 0 && o.Compiles != "" {
			s := e.Steps[i]
			compiles := s.Treatment == llbgen.TreatmentInstrumented
			if !o.Likely && !o.Named && (!compiles || s.Open && !strings.Contains(word, "/")) {
				continue
			}
			if !compiles && !s.NoGo {
				o.Compiles = ""
			}
		}
		kept = append(kept, o)
	}
	return kept
}

// existing is the first origin that has the file, as far as that can be looked up.
// Where none has it, it is the one that would. A script that is in the context is no
// step's work.
func (e *Predicted) existing(ctx context.Context, origins []llbgen.Origin) (likeliest, error) {
	var missing, broken llbgen.Origin
	var made likeliest
	for _, o := range origins {
		if !o.Readable() {
			switch {
			case made.Path == "" && !missing.Alone:
				made.Origin = o
			case made.Compiles != "" && o.Compiles != "" && made.Rivals(o):
				made.others = append(made.others, o)
			}
			continue
		}
		_, _, several := o.Pattern()
		root, p, err := e.look(ctx, o)
		switch {
		case err != nil:
			return likeliest{Origin: o}, err
		case p == nil && root.Ref == nil:
			broken, _ = o.Archive()
			broken.Alone, broken.Likely = true, true
			continue
		case p == nil:
			if missing.Path == "" {
				missing = o
			}
			continue
		}
		o.Path = p.Path
		if made.Path == "" {
			return likeliest{Origin: o, there: true}, nil
		}
		err = p.read(ctx)
		switch {
		case err != nil || p.IsScript() && !several:
			return likeliest{Origin: o, there: true}, err
		case several && (p.IsScript() || p.Facts != nil):
			made.others = append(made.others, o)
		}
	}
	_, _, several := missing.Pattern()
	switch {
	case broken.Path != "" && (made.FromImage() || made.Path == "") && !missing.Named:
		return likeliest{Origin: broken}, nil
	case made.Path == "" || made.FromImage() && missing.Named && several:
		return likeliest{Origin: missing}, nil
	}
	return made, nil
}

// look finds the file of an origin that can be read, the last one that a pattern
// matches. It is nil where there is none, and so is the file system where what an ADD
// takes is not there.
func (e *Predicted) look(ctx context.Context, o llbgen.Origin) (rootfs.FS, *Program, error) {
	if archive, ok := o.Archive(); ok {
		_, st, err := e.stat(ctx, archive)
		if err != nil || st == nil {
			return rootfs.FS{}, nil, err
		}
	}
	folder, below, several := o.Pattern()
	if !several {
		return e.lookAt(ctx, o)
	}
	o.Path = folder
	root, st, err := e.stat(ctx, o)
	if err != nil || st == nil {
		return root, nil, err
	}
	paths, err := root.Matching(ctx, folder, below)
	if err != nil {
		return root, nil, err
	}
	for _, o.Path = range slices.Backward(paths) {
		if root, st, err = e.lookAt(ctx, o); err != nil || st != nil {
			break
		}
	}
	return root, st, err
}

// lookAt is look for a path that is no pattern.
func (e *Predicted) lookAt(ctx context.Context, o llbgen.Origin) (rootfs.FS, *Program, error) {
	root, st, err := e.stat(ctx, o)
	if err != nil || st == nil || !fs.FileMode(st.Stat.Mode).IsRegular() {
		return root, nil, err
	}
	return root, st, nil
}

// stat finds a file or folder. It is nil where there is none.
func (e *Predicted) stat(ctx context.Context, o llbgen.Origin) (rootfs.FS, *Program, error) {
	def, err := o.Definition()
	if err != nil {
		return rootfs.FS{}, nil, err
	}
	key := fmt.Sprintf("%x", def.Def[len(def.Def)-1])
	root, ok := e.contexts[key]
	if !ok {
		res, err := e.Client.Solve(ctx, client.SolveRequest{Definition: def})
		if err != nil {
			return root, nil, err
		}
		ref, err := res.SingleRef()
		if err != nil || ref == nil {
			return root, nil, err
		}
		root = rootfs.FS{Ref: ref}
		if e.contexts == nil {
			e.contexts = map[string]rootfs.FS{}
		}
		e.contexts[key] = root
	}
	file, st, err := root.Resolve(ctx, o.Path)
	if err != nil || st == nil {
		return root, nil, err
	}
	return root, &Program{Path: o.Path, File: file, Stat: st, root: root, source: file}, nil
}

// describe names an origin for users: what an ADD takes, where it may unpack that.
func describe(o llbgen.Origin) string {
	at := o.Path
	if archive, ok := o.Archive(); ok {
		at = archive.Path
	}
	switch name, local := strings.CutPrefix(o.Source, "local://"); {
	case o.Step != "":
		return o.Step
	case local && name == "context":
		return "the build context, " + at
	case local:
		return "the named context " + strings.TrimPrefix(name, "context:") + ", " + at
	case o.Source == "" && o.Readable():
		return "the Dockerfile itself"
	}
	return strings.TrimPrefix(o.Source, "docker-image://")
}
