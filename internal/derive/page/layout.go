package page

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
)

// Sizes of a picture, in pixels at its own scale.
const (
	charWidth  = 7.25 // of a monospaced font of 12 pixels
	lineHeight = 16.0
	boxWidth   = 282.0
	boxPadding = 10.0
	gutter     = 64.0 // between columns, and on both sides
	gap        = 30.0 // between rows
	factsTop   = 20.0

	textLines = 3 // of what a step does; the whole of it is the box's title
	noteLines = 3
	factLines = 4
)

// placed is a picture whose boxes have places. Places are of the picture itself.
type placed struct {
	picture
	width, height float64
	factLines     []string
	columnX       []float64
	columnY       float64 // the base line of the titles
	places        []spot
	paths         []path
}

// spot is where a box stands.
type spot struct {
	x, y, height float64
	lines        []line
	row          int
}

// line is a line of text in a box.
type line struct {
	class string // of SVG
	text  string
}

// path is an arrow's way, from point to point.
type path struct {
	arrow
	points []point
}

type point struct{ x, y float64 }

// cells counts the columns of a text the same way in every locale.
var cells = &runewidth.Condition{StrictEmojiNeutral: true}

// layOut gives boxes their places: a column for each stage, and rows, so that a box is below
// what it is made from in its own stage, and not above what it is copied from.
func layOut(p picture) placed {
	l := placed{picture: p, places: make([]spot, len(p.boxes))}
	l.width = gutter + float64(len(p.columns))*(boxWidth+gutter)
	for c := range p.columns {
		l.columnX = append(l.columnX, gutter+float64(c)*(boxWidth+gutter))
	}
	for _, fact := range p.facts {
		l.factLines = append(l.factLines, wrap(fact, columnsIn(l.width-2*gutter), factLines)...)
	}
	l.columnY = factsTop + float64(len(l.factLines)+2)*lineHeight + gap/2
	rows := l.rows()
	l.setPlaces(rows)
	l.paths = newRouter(&l, rows).routes()
	return l
}

// rows gives each box its row, and says how high the rows are.
func (l *placed) rows() []float64 {
	free := make([]int, len(l.columns))
	var heights []float64
	for i, b := range l.boxes {
		row := free[b.column]
		for _, a := range l.arrows {
			if a.to == i && a.kind != arrowMade {
				row = max(row, l.places[a.from].row)
			}
		}
		free[b.column] = row + 1
		lines := linesOf(b)
		l.places[i] = spot{row: row, lines: lines, height: float64(len(lines))*lineHeight + 2*boxPadding}
		for len(heights) <= row {
			heights = append(heights, 0)
		}
		heights[row] = max(heights[row], l.places[i].height)
	}
	return heights
}

// tops are where rows begin, and where the last one ends.
func (l *placed) tops(heights []float64) []float64 {
	tops := []float64{l.columnY + gap}
	for row, height := range heights {
		tops = append(tops, tops[row]+height+gap)
	}
	return tops
}

// setPlaces places the boxes in their rows.
func (l *placed) setPlaces(heights []float64) {
	tops := l.tops(heights)
	for i := range l.places {
		at := &l.places[i]
		at.x, at.y = l.columnX[l.boxes[i].column], tops[at.row]
	}
	l.height = tops[len(heights)]
}

// columnsIn is how many characters fit.
func columnsIn(width float64) int { return int(width / charWidth) }

// digests are shown as their beginnings.
var digests = regexp.MustCompile(`(@sha256:[0-9a-f]{12})[0-9a-f]{52}`)

// linesOf are the lines of a box.
func linesOf(b box) []line {
	most := columnsIn(boxWidth - 2*boxPadding)
	var lines []line
	add := func(class, text string, limit int) {
		for _, text := range wrap(text, most, limit) {
			lines = append(lines, line{class, text})
		}
	}
	add("head", b.head, 2)
	text := textLines
	if b.class == classRefused {
		text = 12
	}
	add("text", digests.ReplaceAllString(b.text, "$1…"), text)
	add("note", b.note, noteLines)
	return lines
}

// wrap breaks a text into lines of that many columns, at spaces where there are some. What
// does not fit is cut off, and an ellipsis says so.
func wrap(text string, columns, limit int) []string {
	var lines []string
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		if len(lines) == limit-1 {
			return append(lines, cells.Truncate(text, columns, "…"))
		}
		fits := cells.Truncate(text, columns, "")
		if fits != text {
			if space := strings.LastIndexByte(text[:min(len(fits)+1, len(text))], ' '); space > 0 {
				fits = text[:space]
			} else if fits == "" {
				fits = text // one character is wider than the line
			}
		}
		lines, text = append(lines, fits), text[len(fits):]
	}
	return lines
}

// lane is the space between two columns or two rows, which arrows share side by side.
type lane struct{ used, next int }

// take is the next share of a lane, between 0 and 1.
func (l *lane) take() float64 {
	l.next++
	return float64(l.next) / float64(l.used+1)
}

// router finds ways between boxes, beside the columns and above the rows.
type router struct {
	*placed
	rowTops []float64
	beside  []lane // by the column to the right
	above   []lane // by the row below
	in, out []lane // by the box: its sides
}

func newRouter(l *placed, heights []float64) *router {
	return &router{
		placed: l, rowTops: l.tops(heights), beside: make([]lane, len(l.columns)+1), above: make([]lane, len(heights)+1),
		in: make([]lane, len(l.boxes)), out: make([]lane, len(l.boxes)),
	}
}

// way is which lanes an arrow uses.
type way struct {
	arrow
	straight    bool // down its column
	first, last int  // lanes beside columns
}

// ways decides which lanes the arrows take. Those that end higher come first, so that fewer
// of them cross.
func (r *router) ways() []way {
	var ways []way
	for _, a := range r.arrows {
		from, to := r.boxes[a.from].column, r.boxes[a.to].column
		w := way{arrow: a}
		switch {
		case from == to && r.neighbours(a):
			w.straight = true
		case from < to:
			w.first, w.last = from+1, to
		case from > to:
			w.first, w.last = from, to+1
		default:
			w.first, w.last = to+1, to+1
		}
		ways = append(ways, w)
	}
	slices.SortStableFunc(ways, func(a, b way) int {
		return cmp.Or(cmp.Compare(r.places[a.to].row, r.places[b.to].row), cmp.Compare(r.places[b.from].row, r.places[a.from].row))
	})
	return ways
}

// neighbours tells whether nothing stands between two boxes of a column.
func (r *router) neighbours(a arrow) bool {
	return !slices.ContainsFunc(r.places, func(p spot) bool {
		from, to := r.places[a.from], r.places[a.to]
		return p.x == to.x && p.row > from.row && p.row < to.row
	}) && r.places[a.from].row < r.places[a.to].row
}

// routes finds the ways twice: once to count what shares a lane, and once to share it.
func (r *router) routes() []path {
	ways := r.ways()
	for _, w := range ways {
		if w.straight {
			continue
		}
		r.beside[w.first].used++
		if w.first != w.last {
			r.above[r.places[w.to].row].used++
			r.beside[w.last].used++
		}
		r.out[w.from].used++
		r.in[w.to].used++
	}
	var paths []path
	for _, w := range ways {
		paths = append(paths, path{w.arrow, r.points(w)})
	}
	return paths
}

// points are the corners of an arrow's way.
func (r *router) points(w way) []point {
	from, to := r.places[w.from], r.places[w.to]
	if w.straight {
		middle := from.x + boxWidth/2
		return []point{{middle, from.y + from.height}, {middle, to.y}}
	}
	start := point{r.side(from, w.first), from.y + from.height*r.out[w.from].take()}
	end := point{r.side(to, w.last), to.y + to.height*r.in[w.to].take()}
	first := r.laneX(w.first)
	if w.first == w.last {
		return []point{start, {first, start.y}, {first, end.y}, end}
	}
	across := r.rowTops[to.row] - gap + gap*r.above[to.row].take()
	last := r.laneX(w.last)
	return []point{start, {first, start.y}, {first, across}, {last, across}, {last, end.y}, end}
}

// laneX is the next place in the lane ahead of a column.
func (r *router) laneX(column int) float64 {
	return float64(column)*(boxWidth+gutter) + gutter*r.beside[column].take()
}

// side is the side of a box at which the lane ahead of a column is.
func (r *router) side(p spot, column int) float64 {
	if float64(column)*(boxWidth+gutter) < p.x {
		return p.x
	}
	return p.x + boxWidth
}
