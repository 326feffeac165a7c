package page

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive"
)

// dotColors are the fills of boxes.
var dotColors = map[class]string{
	classSource: "#ffffff", classCached: "#eef1f4", classCompiled: "#fff1cc",
	classRepeated: "#ddf0ff", classLayer: "#dcf5e3", classRefused: "#ffe2e0",
}

// dotStyles are the lines of arrows.
var dotStyles = map[arrowKind]string{arrowBase: "solid", arrowCopy: "dashed", arrowMade: "dotted"}

// WriteDot writes explanations as graphs for Graphviz, one after the other, with a cluster
// for each stage.
func WriteDot(w io.Writer, explanations []derive.Explanation) error {
	var b bytes.Buffer
	for i, e := range explanations {
		if i > 0 {
			b.WriteString("\n")
		}
		drawn(e).dot(&b)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (p picture) dot(b *bytes.Buffer) {
	fmt.Fprintf(b, "digraph %s {\n", dotString(p.title))
	fmt.Fprintf(b, "  graph [label=%s, labelloc=t, labeljust=l, fontname=monospace, fontsize=12, nodesep=0.4]\n", dotString(append([]string{p.title}, p.facts...)...))
	b.WriteString("  node [shape=box, style=\"filled,rounded\", fontname=monospace, fontsize=10, margin=\"0.15,0.1\"]\n  edge [arrowsize=0.7]\n")
	for c, column := range p.columns {
		fmt.Fprintf(b, "  subgraph cluster_%d {\n    label=%s\n    style=rounded\n", c, dotString(column.title))
		for i, one := range p.boxes {
			if one.column != c {
				continue
			}
			var lines []string
			for _, l := range linesOf(one) {
				lines = append(lines, l.text)
			}
			fmt.Fprintf(b, "    n%d [label=%s, tooltip=%s, fillcolor=%q]\n", i, dotString(lines...), dotString(one.whole()), dotColors[one.class])
		}
		b.WriteString("  }\n")
	}
	for _, a := range p.arrows {
		fmt.Fprintf(b, "  n%d -> n%d [style=%s]\n", a.from, a.to, dotStyles[a.kind])
	}
	b.WriteString("}\n")
}

// dotEscapes are what Graphviz reads otherwise in the text of a label.
var dotEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;", "<", "&lt;", ">", "&gt;", "\n", `\l`)

// dotString is a string of Graphviz: lines, each aligned to the left.
func dotString(lines ...string) string {
	if len(lines) == 1 {
		return `"` + dotEscapes.Replace(lines[0]) + `"`
	}
	return `"` + dotEscapes.Replace(strings.Join(lines, "\n")+"\n") + `"`
}
