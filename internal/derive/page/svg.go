package page

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive"
)

// pictureStyle is the look of pictures, in light and dark surroundings.
const pictureStyle = `
svg{--back:#fff;--ink:#1f2328;--dim:#59636e;--line:#818b98;--source:#fff;--cached:#eef1f4;--compiled:#fff1cc;--repeated:#ddf0ff;--layer:#dcf5e3;--refused:#ffe2e0;--edge:#d1d9e0;--amber:#b07800;--blue:#3b82c4;--green:#2f8f4e;--red:#cf3b32}
@media(prefers-color-scheme:dark){svg{--back:#0d1117;--ink:#e6edf3;--dim:#9198a1;--line:#7d8590;--source:#0d1117;--cached:#1b2028;--compiled:#3a2c08;--repeated:#0f2a44;--layer:#10301c;--refused:#431a1a;--edge:#3d444d;--amber:#d29922;--blue:#58a6ff;--green:#3fb950;--red:#f85149}}
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--ink)}
.title{font-size:15px;font-weight:600}.column,.head{font-weight:600}.note,.fact,.key{fill:var(--dim)}
.box>rect{stroke:var(--edge)}.back{fill:var(--back)}
.source>rect{fill:var(--source);stroke-dasharray:4 3}.cached>rect{fill:var(--cached)}
.compiled>rect{fill:var(--compiled);stroke:var(--amber)}.repeated>rect{fill:var(--repeated);stroke:var(--blue)}
.layer>rect{fill:var(--layer);stroke:var(--green)}.refused>rect{fill:var(--refused);stroke:var(--red)}
.arrow{fill:none;stroke:var(--line);stroke-width:1.3}.copy{stroke-dasharray:6 3}.made{stroke:var(--green);stroke-dasharray:2 3}
.tip{fill:var(--line)}
`

// element is one of XML.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []*element
}

// el makes an element of a name and its attributes: name, value, and so on. Numbers are
// written with one decimal.
func el(name string, attributes ...any) *element {
	e := &element{XMLName: xml.Name{Local: name}}
	for i := 0; i+1 < len(attributes); i += 2 {
		value := fmt.Sprint(attributes[i+1])
		if number, ok := attributes[i+1].(float64); ok {
			value = decimal(number)
		}
		e.Attrs = append(e.Attrs, xml.Attr{Name: xml.Name{Local: fmt.Sprint(attributes[i])}, Value: value})
	}
	return e
}

func (e *element) add(children ...*element) *element {
	e.Children = append(e.Children, children...)
	return e
}

func (e *element) text(text string) *element {
	e.Text = text
	return e
}

// decimal is a number with at most one decimal.
func decimal(n float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(n, 'f', 1, 64), ".0")
}

// WriteSVG writes explanations as one SVG document, one picture below the other. It follows
// the colours of the surroundings, light or dark. Its text can be selected.
func WriteSVG(w io.Writer, explanations []derive.Explanation) error {
	var width, height float64
	var pictures []*element
	var titles []string
	for i, e := range explanations {
		l := layOut(drawn(e))
		pictures = append(pictures, l.svg(i))
		last := pictures[i]
		last.Attrs = append(last.Attrs, xml.Attr{Name: xml.Name{Local: "transform"}, Value: "translate(0 " + decimal(height) + ")"})
		width, height = max(width, l.width), height+l.height
		titles = append(titles, l.title)
	}
	height += legendHeight
	root := el("svg", "xmlns", "http://www.w3.org/2000/svg", "width", width, "height", height, "viewBox", "0 0 "+decimal(width)+" "+decimal(height), "role", "img", "aria-labelledby", "title desc")
	root.add(el("title", "id", "title").text("What dlvgen builds: "+strings.Join(titles, "; ")),
		el("desc", "id", "desc").text("Stages are columns. Steps are boxes, which say whether they come from production's cache, compile with dlvgen's stand-in for go, or run again. Arrows lead from what a step is made from to the step."),
		el("style").text(pictureStyle),
		el("defs").add(el("marker", "id", "tip", "viewBox", "0 0 8 8", "refX", 7.0, "refY", 4.0, "markerWidth", 7.0, "markerHeight", 7.0, "orient", "auto").
			add(el("path", "class", "tip", "d", "M0 0L8 4L0 8z"))),
		el("rect", "class", "back", "width", "100%", "height", "100%"))
	root.add(pictures...).add(legendAt(gutter, height-legendHeight))
	var out bytes.Buffer
	encoder := xml.NewEncoder(&out)
	encoder.Indent("", " ")
	if err := encoder.Encode(root); err != nil {
		return fmt.Errorf("writing SVG: %w", err)
	}
	out.WriteByte('\n')
	_, err := w.Write(out.Bytes())
	return err
}

const legendHeight = 40.0

// legendAt explains the colours.
func legendAt(x, y float64) *element {
	g := el("g")
	for _, l := range legend {
		g.add(el("g", "class", "box "+string(l.class)).add(el("rect", "x", x, "y", y, "width", 14.0, "height", 14.0, "rx", 3.0)),
			el("text", "class", "key", "x", x+20, "y", y+11).text(l.text))
		x += 44 + charWidth*float64(len(l.text))
	}
	return g
}

// svg is one picture.
func (l *placed) svg(number int) *element {
	g := el("g", "role", "group", "aria-labelledby", fmt.Sprintf("picture-%d", number))
	g.add(el("text", "id", fmt.Sprintf("picture-%d", number), "class", "title", "x", gutter, "y", factsTop+lineHeight).text(l.title))
	for i, fact := range l.factLines {
		g.add(el("text", "class", "fact", "x", gutter, "y", factsTop+lineHeight*float64(i+2)+4).text(fact))
	}
	for i, c := range l.columns {
		g.add(el("text", "class", "column", "x", l.columnX[i], "y", l.columnY).text(strings.Join(wrap(c.title, columnsIn(boxWidth), 1), "")))
	}
	for _, p := range l.paths {
		g.add(p.svg())
	}
	for i, b := range l.boxes {
		g.add(b.svg(l.places[i]))
	}
	return g
}

// svg is a box. Its title is the whole of its text.
func (b box) svg(at spot) *element {
	g := el("g", "class", "box "+string(b.class), "transform", "translate("+decimal(at.x)+" "+decimal(at.y)+")")
	g.add(el("title").text(b.whole()), el("rect", "width", boxWidth, "height", at.height, "rx", 6.0))
	for i, line := range at.lines {
		g.add(el("text", "class", line.class, "x", boxPadding, "y", boxPadding+lineHeight*float64(i)+12).text(line.text))
	}
	return g
}

// whole is all that a box says.
func (b box) whole() string {
	whole := b.head
	for _, part := range []string{b.text, b.note} {
		if part != "" {
			whole += "\n" + part
		}
	}
	return whole
}

func (p path) svg() *element {
	var d strings.Builder
	for i, at := range p.points {
		command := "L"
		if i == 0 {
			command = "M"
		}
		d.WriteString(command + decimal(at.x) + " " + decimal(at.y))
	}
	return el("path", "class", "arrow "+string(p.kind), "d", d.String(), "marker-end", "url(#tip)")
}
