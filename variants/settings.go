package variants

import (
	"fmt"
	"path"
	"strings"
)

// DelveConfig is the text of the debugger's settings in the image
// (github.com/go-delve/delve/pkg/config): where the sources are baked at other
// paths than the debug information names, the rules that lead to them; in a sidecar,
// where the symbols are. The file is
// there in any case, since Delve would try to write one.
func (p *Plan) DelveConfig() []byte {
	var b strings.Builder
	b.WriteString("# Written by dlvgen.\n")
	heading := "substitute-path:\n"
	for _, r := range p.Paths {
		if r.Source == "" || r.Source == r.Path {
			continue
		}
		// A quoted string is the same in YAML as in Go, but for what no path has.
		fmt.Fprintf(&b, "%s  - {from: %q, to: %q}\n", heading, r.Path, r.Source)
		heading = ""
	}
	if p.Symbols != nil {
		fmt.Fprintf(&b, "debug-info-directories: [%q]\n", path.Dir(p.Symbols.File))
	}
	return []byte(b.String())
}
