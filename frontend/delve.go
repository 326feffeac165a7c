package frontend

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/llbgen"
)

// delvePackage is the main package of Delve, delveName the program's usual name.
const (
	delvePackage = "github.com/go-delve/delve/cmd/dlv"
	delveName    = "dlv"
)

// isDelve tells whether the program is Delve, by its build information: the name is
// anybody's.
func (p *program) isDelve() bool { return p.facts != nil && p.facts.Info.Path == delvePackage }

// delve is Delve where the image starts it, itself or by a script that names it; nil
// where it does not.
func (f finder) delve(ctx context.Context, started *program) (*program, error) {
	if started == nil || started.isDelve() {
		return started, nil
	}
	words, err := f.scriptWords(ctx, started)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(words, func(w string) bool { return path.Base(w) == delveName })
	if i < 0 {
		return nil, nil
	}
	p, err := f.lookUp(ctx, words[i])
	if err != nil || p == nil || !p.isDelve() {
		return nil, err
	}
	return p, nil
}

// likelyDelve tells whether a file that nobody has made yet will be Delve: it is called
// so, and no step compiles it from anything else.
func likelyDelve(file string, from llbgen.Origin) bool {
	return path.Base(file) == delveName && (from.Compiles == "" || strings.Contains(from.Step, "delve"))
}
