package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/color"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

const (
	cellWidth  = 8.0
	cellHeight = 18.0
	margin     = 14.0
	bar        = 28.0 // the title's
	caption    = 30.0

	// reading is how long the last screen is shown before the session begins again.
	reading = 6 * time.Second

	// frame is how long a screen is shown at least.
	frame = 40 * time.Millisecond
)

// row is what a line of the screen shows, and from when until when.
type row struct {
	y           int
	spans       []span
	from, until time.Duration // until is 0 for what the last screen has
}

// span is text of one style.
type span struct {
	column int
	text   string
	class  string
}

// film is a session as rows that come and go.
type film struct {
	rows     []row
	captions []row
	end      time.Duration
}

// play has the terminal show the session.
func (r *recording) play() film {
	var f film
	screen := vt.NewEmulator(r.Width, r.Height)
	go func() { // what a terminal answers to questions
		var answers [64]byte
		for {
			if _, err := screen.Read(answers[:]); err != nil {
				return
			}
		}
	}()
	defer func() { _ = screen.Close() }() // a terminal in memory
	current := make([]row, r.Height)
	events := r.shortened()
	for i, e := range events {
		f.end = e.at
		if e.kind == "m" {
			f.caption(e)
			continue
		}
		_, _ = screen.WriteString(e.data) // what it does not know it leaves out
		if i+1 < len(events) && events[i+1].at-e.at < frame && events[i+1].kind == "o" {
			continue
		}
		for y := range current {
			spans := spansOf(screen, y, r.Width)
			if slices.Equal(spans, current[y].spans) {
				continue
			}
			f.close(current[y], e.at)
			current[y] = row{y: y, spans: spans, from: e.at}
		}
	}
	f.end += reading
	for _, last := range current {
		f.close(last, 0)
	}
	return f
}

// close adds a row that was shown.
func (f *film) close(r row, until time.Duration) {
	if r.until = until; len(r.spans) > 0 {
		f.rows = append(f.rows, r)
	}
}

// caption ends the caption that is shown, and shows another one.
func (f *film) caption(e event) {
	if n := len(f.captions); n > 0 && f.captions[n-1].until == 0 {
		f.captions[n-1].until = e.at
	}
	if e.data != "" {
		f.captions = append(f.captions, row{from: e.at, spans: []span{{text: e.data, class: "caption"}}})
	}
}

// spansOf is a line of the screen, with the cursor as a block.
func spansOf(screen *vt.Emulator, y, width int) []span {
	cursor := screen.CursorPosition()
	var spans []span
	for x := 0; x < width; x++ {
		cell := screen.CellAt(x, y)
		content, class := " ", ""
		if cell != nil && cell.Content != "" {
			content, class = cell.Content, classOf(cell.Style)
		}
		if cursor.Y == y && cursor.X == x && !screen.CursorHidden() && strings.TrimSpace(content) == "" {
			content, class = "█", "cursor"
		}
		if n := len(spans); n > 0 && spans[n-1].class == class {
			spans[n-1].text += content
			continue
		}
		spans = append(spans, span{column: x, text: content, class: class})
	}
	return trimmed(spans)
}

// trimmed leaves out what nobody sees.
func trimmed(spans []span) []span {
	var seen []span
	for _, s := range spans {
		s.text = strings.TrimRight(s.text, " ")
		begins := strings.TrimLeft(s.text, " ")
		s.column += len(s.text) - len(begins)
		if s.text = begins; s.text != "" {
			seen = append(seen, s)
		}
	}
	return seen
}

// classOf are the classes of a style: its color of sixteen, and whether it is bold or faint.
func classOf(s uv.Style) string {
	var classes []string
	if n, ok := s.Fg.(ansi.BasicColor); ok {
		classes = append(classes, fmt.Sprintf("c%d", n))
	} else if s.Fg != nil {
		classes = append(classes, "c"+nearest(s.Fg))
	}
	if s.Attrs&uv.AttrBold != 0 {
		classes = append(classes, "b")
	}
	if s.Attrs&uv.AttrFaint != 0 {
		classes = append(classes, "f")
	}
	return strings.Join(classes, " ")
}

// nearest is the basic color for any other: as bright, and with the same parts that dominate.
func nearest(c color.Color) string {
	r, g, b, _ := c.RGBA()
	half := max(r, g, b) / 2
	n := 0
	for i, part := range []uint32{r, g, b} {
		if part > half {
			n |= 1 << i
		}
	}
	return fmt.Sprint(n)
}

// sessionStyle is the look of a terminal. What the last screen does not have is hidden where
// nothing moves.
const sessionStyle = `
text{font:13.3px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d6dde6;white-space:pre}
.back{fill:#12171e;stroke:#30363d}.title{fill:#8b949e;font-size:12px;text-anchor:middle}.dot{fill:#30363d}
.caption{fill:#f2cc60;font-size:13px}.cursor{fill:#8b949e}.b{font-weight:700}.f{opacity:.7}
.c0{fill:#6e7681}.c1,.c9{fill:#ff7b72}.c2,.c10{fill:#56d364}.c3,.c11{fill:#e3b341}.c4,.c12{fill:#79c0ff}.c5,.c13{fill:#d2a8ff}.c6,.c14{fill:#56d4dd}
.gone{opacity:0}
@media(prefers-reduced-motion:reduce){g{animation:none!important}}
`

// svg is the session as an animated picture, which needs no script.
func (r *recording) svg() ([]byte, error) {
	f := r.play()
	width, height := float64(r.Width)*cellWidth+2*margin, float64(r.Height)*cellHeight+2*margin+bar+caption
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%g" height="%g" viewBox="0 0 %g %g" role="img" aria-labelledby="title">`, width, height, width, height)
	fmt.Fprintf(&b, "\n<title id=\"title\">%s</title>\n<style>%s", escaped(r.Title), sessionStyle)
	shown := f.times()
	for i, at := range shown {
		fmt.Fprintf(&b, ".t%d{animation:k%d %.2fs step-end infinite}@keyframes k%d{%s}\n", i, i, f.end.Seconds(), i, f.keyframes(at))
	}
	fmt.Fprintf(&b, "</style>\n<rect class=\"back\" x=\".5\" y=\".5\" width=\"%g\" height=\"%g\" rx=\"8\"/>\n", width-1, height-1)
	for i := range 3 {
		fmt.Fprintf(&b, "<circle class=\"dot\" cx=\"%g\" cy=\"%g\" r=\"5.5\"/>", margin+6+18*float64(i), bar/2+2)
	}
	fmt.Fprintf(&b, "<text class=\"title\" x=\"%g\" y=\"%g\">%s</text>\n", width/2, bar/2+6, escaped(r.Title))
	for i, at := range shown {
		gone := ""
		if at.until != 0 {
			gone = " gone"
		}
		fmt.Fprintf(&b, "<g class=\"t%d%s\">", i, gone)
		for _, one := range f.rows {
			if one.from == at.from && one.until == at.until {
				one.write(&b, bar+margin+float64(one.y)*cellHeight+13)
			}
		}
		for _, one := range f.captions {
			if one.from == at.from && one.until == at.until {
				one.write(&b, height-margin)
			}
		}
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.Bytes(), nil
}

// interval is when something is shown.
type interval struct{ from, until time.Duration }

// times are the intervals in which something is shown.
func (f *film) times() []interval {
	var times []interval
	for _, r := range slices.Concat(f.rows, f.captions) {
		if at := (interval{r.from, r.until}); !slices.Contains(times, at) {
			times = append(times, at)
		}
	}
	return times
}

// keyframes show something in its interval.
func (f *film) keyframes(at interval) string {
	percent := func(d time.Duration) string {
		return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", 100*d.Seconds()/f.end.Seconds()), "0"), ".")
	}
	switch {
	case at == interval{}:
		return "to{opacity:1}"
	case at.from == 0:
		return fmt.Sprintf("0%%{opacity:1}%s%%,to{opacity:0}", percent(at.until))
	case at.until == 0:
		return fmt.Sprintf("0%%{opacity:0}%s%%,to{opacity:1}", percent(at.from))
	}
	return fmt.Sprintf("0%%{opacity:0}%s%%{opacity:1}%s%%,to{opacity:0}", percent(at.from), percent(at.until))
}

// write writes the row with its base line at y.
func (r row) write(b *bytes.Buffer, y float64) {
	for _, s := range r.spans {
		class := ""
		if s.class != "" {
			class = ` class="` + s.class + `"`
		}
		// Fonts differ in how wide they are.
		length := cellWidth * float64(utf8.RuneCountInString(s.text))
		fmt.Fprintf(b, "<text x=\"%g\" y=\"%g\" textLength=\"%g\"%s>%s</text>", margin+float64(s.column)*cellWidth, y, length, class, escaped(s.text))
	}
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes everything
	return b.String()
}
