package frontend

import (
	"path"
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
func (f observed) isDelve(p *program) bool { return f.madeOf(p) == delvePackage }

// likelyDelve tells whether a file that nobody has made yet will be Delve: it is called
// so, and no step compiles it from anything else.
func likelyDelve(file string, from llbgen.Origin) bool {
	return path.Base(file) == delveName && (from.Compiles == "" || strings.Contains(from.Step, "delve"))
}
