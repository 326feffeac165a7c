package frontend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/moby/buildkit/frontend/gateway/client"
)

// likeliest is where a file comes from, as far as that can be told.
type likeliest struct {
	llbgen.Origin

	// others are those that it may come from as well, where only a build can tell
	// which file of a pattern is copied last.
	others []llbgen.Origin
}

// originOf is where the file comes from that a command's first word names, and its
// path: of several along PATH the first that the Dockerfile names, else the first that
// it may put something at. It is the word itself for a file of the base image, whose
// folder is not known.
func (e *explainer) originOf(ctx context.Context, word string) (likeliest, string, error) {
	var best likeliest
	at, paths := word, candidatePaths(word, e.image.Config.Config)
	if len(paths) == 1 {
		at = paths[0]
	}
	for i, p := range paths {
		origins, err := llbgen.Origins(e.image.Solve.Definition, p)
		if err != nil {
			return best, p, err
		}
		o, err := e.existing(ctx, e.believed(word, origins))
		if err != nil || o.Named {
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

// existing is the first origin that has the file, as far as that can be looked up.
// Where none has it, it is the one that would. A script that is in the context is no
// step's work.
func (e *explainer) existing(ctx context.Context, origins []llbgen.Origin) (likeliest, error) {
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
		case p == nil && root.ref == nil:
			broken, _ = o.Archive()
			broken.Alone, broken.Likely = true, true
			continue
		case p == nil:
			if missing.Path == "" {
				missing = o
			}
			continue
		}
		o.Path = p.path
		if made.Path == "" {
			return likeliest{Origin: o}, nil
		}
		err = p.read(ctx, root)
		switch {
		case err != nil || isScript(p) && !several:
			return likeliest{Origin: o}, err
		case several && (isScript(p) || p.facts != nil):
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

// isScript tells whether a file that was read is a script.
func isScript(p *program) bool {
	var format *gobin.FormatError
	return errors.As(p.unread, &format) && format.Kind == gobin.KindScript
}

// look finds the file of an origin that can be read, the last one that a pattern
// matches. It is nil where there is none, and so is the file system where what an ADD
// takes is not there.
func (e *explainer) look(ctx context.Context, o llbgen.Origin) (rootFS, *program, error) {
	if archive, ok := o.Archive(); ok {
		_, st, err := e.stat(ctx, archive)
		if err != nil || st == nil {
			return rootFS{}, nil, err
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
	paths, err := root.matching(ctx, folder, below)
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
func (e *explainer) lookAt(ctx context.Context, o llbgen.Origin) (rootFS, *program, error) {
	root, st, err := e.stat(ctx, o)
	if err != nil || st == nil || !fs.FileMode(st.stat.Mode).IsRegular() {
		return root, nil, err
	}
	return root, st, nil
}

// stat finds a file or folder. It is nil where there is none.
func (e *explainer) stat(ctx context.Context, o llbgen.Origin) (rootFS, *program, error) {
	def, err := o.Definition()
	if err != nil {
		return rootFS{}, nil, err
	}
	key := fmt.Sprintf("%x", def.Def[len(def.Def)-1])
	root, ok := e.contexts[key]
	if !ok {
		res, err := e.client.Solve(ctx, client.SolveRequest{Definition: def})
		if err != nil {
			return root, nil, err
		}
		ref, err := res.SingleRef()
		if err != nil || ref == nil {
			return root, nil, err
		}
		root = rootFS{ref}
		if e.contexts == nil {
			e.contexts = map[string]rootFS{}
		}
		e.contexts[key] = root
	}
	file, st, err := root.resolve(ctx, o.Path)
	if err != nil || st == nil {
		return root, nil, err
	}
	return root, &program{path: o.Path, file: file, stat: st}, nil
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
