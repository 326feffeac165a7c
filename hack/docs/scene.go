package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// scene is a picture of what runs where: machines, containers and processes, which are boxes
// in boxes, and what goes between them.
type scene struct {
	name  string // of the file, without its ending
	title string
	root  part
	goes  []flow
}

// part is a box. A process has lines of text, anything else has parts.
type part struct {
	id     string
	kind   kind
	title  string
	lines  []string
	parts  []part
	across bool // its parts are beside each other

	x, y, width, height float64
}

// kind is the class of a box in SVG.
type kind string

const (
	around  kind = "around" // a machine, a pod, a namespace
	holds   kind = "holds"  // a container
	process kind = "process"
	ours    kind = "ours" // a process or container of dlvgen's
)

// flow is an arrow with a text.
type flow struct{ from, to, text string }

const (
	partPadding = 16.0
	partTitle   = 24.0
	partLine    = 17.0
	partGap     = 46.0 // below each other
	letter      = 7.3
	beside      = 36.0 // an arrow is to the right of titles
)

// place gives a part and those in it their places.
func (p *part) place(x, y, gap float64) {
	p.x, p.y = x, y
	p.width = letter*float64(utf8.RuneCountInString(p.title)) + 2*partPadding
	if len(p.parts) == 0 {
		for _, line := range p.lines {
			p.width = max(p.width, letter*float64(utf8.RuneCountInString(line))+2*partPadding)
		}
		p.height = partTitle + partLine*float64(len(p.lines)) + partPadding/2
		return
	}
	at := struct{ x, y float64 }{x + partPadding, y + partTitle + partPadding/2}
	bottom := at.y
	for i := range p.parts {
		child := &p.parts[i]
		child.place(at.x, at.y, gap)
		p.width = max(p.width, child.x+child.width+partPadding-x)
		bottom = max(bottom, child.y+child.height)
		if p.across {
			at.x += child.width + gap
		} else {
			at.y += child.height + partGap
		}
	}
	p.height = bottom + partPadding - y
	if p.across { // beside each other, in the middle
		for i := range p.parts {
			p.parts[i].move((bottom - p.parts[i].y - p.parts[i].height) / 2)
		}
		return
	}
	p.widen(p.width)
}

// widen makes parts below each other as wide as what they are in.
func (p *part) widen(width float64) {
	p.width = width
	for i := range p.parts {
		if !p.across {
			p.parts[i].widen(width - 2*partPadding)
		}
	}
}

// move moves a part and those in it down.
func (p *part) move(down float64) {
	p.y += down
	for i := range p.parts {
		p.parts[i].move(down)
	}
}

// find is the part of that id, nil where there is none.
func (p *part) find(id string) *part {
	if p.id == id {
		return p
	}
	for i := range p.parts {
		if found := p.parts[i].find(id); found != nil {
			return found
		}
	}
	return nil
}

const sceneStyle = `
svg{--back:#fff;--ink:#1f2328;--dim:#59636e;--line:#818b98;--around:#fff;--holds:#f2f5f8;--process:#fff;--ours:#dcf5e3;--edge:#c3ccd5;--green:#2f8f4e}
@media(prefers-color-scheme:dark){svg{--back:#0d1117;--ink:#e6edf3;--dim:#9198a1;--line:#8b949e;--around:#0d1117;--holds:#161b22;--process:#0d1117;--ours:#10301c;--edge:#3d444d;--green:#3fb950}}
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--ink)}
.title{font-weight:600}.line{fill:var(--dim)}.back{fill:var(--back)}
rect{stroke:var(--edge)}.around>rect{fill:var(--around);stroke-dasharray:5 4}.holds>rect{fill:var(--holds)}.process>rect{fill:var(--process)}.ours>rect{fill:var(--ours);stroke:var(--green)}
.flow{fill:none;stroke:var(--line);stroke-width:1.4}.tip{fill:var(--line)}.label{text-anchor:middle;fill:var(--ink);paint-order:stroke;stroke:var(--back);stroke-width:5px;stroke-linejoin:round}
`

// svg draws the scene.
func (s scene) svg() ([]byte, error) {
	var widest int
	for _, f := range s.goes {
		widest = max(widest, utf8.RuneCountInString(f.text))
	}
	root := s.root
	root.place(1, 1, letter*float64(widest)+40)
	var b bytes.Buffer
	width, height := root.width+2, root.height+2
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%g\" height=\"%g\" viewBox=\"0 0 %g %g\" role=\"img\" aria-labelledby=\"title desc\">\n", round(width), round(height), round(width), round(height))
	fmt.Fprintf(&b, "<title id=\"title\">%s</title>\n<desc id=\"desc\">%s</desc>\n<style>%s</style>\n", escaped(s.title), escaped(s.description()), sceneStyle)
	b.WriteString("<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path class=\"tip\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n<rect class=\"back\" width=\"100%\" height=\"100%\" stroke=\"none\"/>\n")
	root.write(&b)
	for _, f := range s.goes {
		from, to := root.find(f.from), root.find(f.to)
		if from == nil || to == nil {
			return nil, fmt.Errorf("%s: an arrow from %q to %q leads nowhere", s.name, f.from, f.to)
		}
		f.write(&b, from, to)
	}
	b.WriteString("</svg>\n")
	return b.Bytes(), nil
}

// description is the scene in words.
func (s scene) description() string {
	var words []string
	for _, f := range s.goes {
		words = append(words, s.nameOf(f.from)+" to "+s.nameOf(f.to)+": "+f.text)
	}
	return strings.Join(words, "; ")
}

func (s scene) nameOf(id string) string {
	if p := s.root.find(id); p != nil {
		return p.title
	}
	return id
}

func (p *part) write(b *bytes.Buffer) {
	fmt.Fprintf(b, "<g class=\"%s\"><rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" rx=\"7\"/>", p.kind, round(p.x), round(p.y), round(p.width), round(p.height))
	fmt.Fprintf(b, "<text class=\"title\" x=\"%g\" y=\"%g\">%s</text>", round(p.x+partPadding), round(p.y+partTitle-5), escaped(p.title))
	for i, line := range p.lines {
		fmt.Fprintf(b, "<text class=\"line\" x=\"%g\" y=\"%g\">%s</text>", round(p.x+partPadding), round(p.y+partTitle+partLine*float64(i)+11), escaped(line))
	}
	b.WriteString("</g>\n")
	for i := range p.parts {
		p.parts[i].write(b)
	}
}

// write draws an arrow: down or up where one part is above the other, across otherwise.
func (f flow) write(b *bytes.Buffer, from, to *part) {
	left, right := max(from.x, to.x), min(from.x+from.width, to.x+to.width)
	var x1, y1, x2, y2 float64
	switch {
	case left < right && from.y < to.y:
		x1, y1, x2, y2 = right-beside, from.y+from.height, right-beside, to.y
	case left < right:
		x1, y1, x2, y2 = right-beside, from.y, right-beside, to.y+to.height
	case from.x < to.x:
		x1, y1, x2, y2 = from.x+from.width, from.y+from.height/2, to.x, to.y+to.height/2
	default:
		x1, y1, x2, y2 = from.x, from.y+from.height/2, to.x+to.width, to.y+to.height/2
	}
	fmt.Fprintf(b, "<path class=\"flow\" marker-end=\"url(#tip)\" d=\"M%g %gL%g %g\"/>", round(x1), round(y1), round(x2), round(y2))
	lines := strings.Split(f.text, "\n")
	y := (y1+y2)/2 + 4
	if y1 == y2 {
		y -= 10
	}
	for i, line := range slices.Backward(lines) {
		fmt.Fprintf(b, "<text class=\"label\" x=\"%g\" y=\"%g\">%s</text>", round((x1+x2)/2), round(y-partLine*float64(len(lines)-1-i)), escaped(line))
	}
	b.WriteString("\n")
}

// round keeps one decimal.
func round(n float64) float64 { return float64(int(n*10+0.5)) / 10 }
