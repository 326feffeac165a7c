package page

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
)

// picture is an explanation as boxes in columns: a column for each stage, and one for what
// makes the debug image of production's. It does not know how it is drawn.
type picture struct {
	title string
	facts []string // a line each

	columns []column
	boxes   []box // what a box is made from comes before it
	arrows  []arrow
}

// column is a stage, or what stands for one.
type column struct{ title string }

// box is a step, a source, or a layer.
type box struct {
	column int
	class  class
	head   string // what it is: "RUN, line 6"
	text   string // what it does
	note   string // what becomes of it
}

// class says what becomes of a box. Its text is the box's class in SVG.
type class string

const (
	classSource   class = "source"
	classCached   class = "cached"
	classCompiled class = "compiled"
	classRepeated class = "repeated"
	classLayer    class = "layer"
	classRefused  class = "refused"
)

// legend says what the classes mean, in the order in which they are listed.
var legend = []struct {
	class class
	text  string
}{
	{classCached, "production's own, from its cache"},
	{classCompiled, "compiles with the stand-in for go"},
	{classRepeated, "runs again: it starts from other files"},
	{classLayer, "what dlvgen adds"},
}

// arrow leads from what a box is made from to the box.
type arrow struct {
	from, to int
	kind     arrowKind
}

// arrowKind is the class of an arrow in SVG.
type arrowKind string

const (
	arrowBase arrowKind = "base" // the box goes on from these files
	arrowCopy arrowKind = "copy" // files are copied, or mounted
	arrowMade arrowKind = "made" // what steps record for a layer
)

// drawn is the picture of an explanation.
func drawn(e derive.Explanation) picture {
	d := &drawing{at: map[string]int{}, boxOf: map[int]int{}}
	d.title = fmt.Sprintf("%s, %s: %s", e.Variant, e.Platform, verdict(e))
	d.facts = factsOf(e)
	if e.Graph != nil {
		d.graph(*e.Graph)
	}
	d.debugImage(e)
	d.title = clean(d.title)
	for i := range d.facts {
		d.facts[i] = clean(d.facts[i])
	}
	for i := range d.boxes {
		b := &d.boxes[i]
		b.head, b.text, b.note = clean(b.head), clean(b.text), clean(b.note)
	}
	return d.picture
}

// clean is a text on one line, without what acts on who shows it.
func clean(text string) string { return visible.Line(strings.Join(strings.Fields(text), " ")) }

// factsOf is what stands above the boxes.
func factsOf(e derive.Explanation) []string {
	facts := []string{"starts " + commandLine(e)}
	program := "program " + orUnknown(e.Program, "known after a build")
	if e.Refusal == "" {
		debugger := strings.Join(append([]string{orUnknown(e.Delve, "for that Go")}, e.DelveArgs...), " ")
		program += ", " + orUnknown(e.Go, "Go known after a build") + ", Delve " + debugger
	}
	facts = append(facts, program)
	if text := entryText(e.Entry); text != "" {
		facts = append(facts, "entry "+text)
	}
	for _, note := range append(slices.Clone(e.Warnings), e.Emulated) {
		if note != "" {
			facts = append(facts, "note: "+note)
		}
	}
	return facts
}

// drawing is the state of one call of drawn.
type drawing struct {
	picture
	at    map[string]int // columns by their keys
	boxOf map[int]int    // boxes by nodes
}

// graph draws production's definition.
func (d *drawing) graph(g llbgen.Graph) {
	keys := make([]string, len(g.Nodes))
	isBase := map[int]bool{}
	for _, n := range g.Nodes {
		isBase[n.Base] = true
	}
	for i, n := range g.Nodes {
		stage, _ := splitName(n.Name)
		switch {
		case strings.HasPrefix(n.Source, "local://"):
			stage = "build context"
		case stage == "" && n.Source != "" && !isBase[i]:
			stage = "other sources"
		case stage == "" && n.Base >= 0:
			stage = keys[n.Base]
		case stage == "":
			stage = "image"
		}
		keys[i] = stage
	}
	d.addColumns(g.Nodes, keys)
	for i, n := range g.Nodes {
		d.boxOf[i] = len(d.boxes)
		d.boxes = append(d.boxes, boxOf(n, d.at[keys[i]]))
		if n.Base >= 0 {
			d.arrows = append(d.arrows, arrow{d.boxOf[n.Base], d.boxOf[i], arrowBase})
		}
		for _, from := range n.From {
			if a := (arrow{d.boxOf[from], d.boxOf[i], arrowCopy}); !slices.Contains(d.arrows, a) {
				d.arrows = append(d.arrows, a)
			}
		}
	}
}

// addColumns adds a column for each key: sources first, then stages in the order of the
// Dockerfile.
func (d *drawing) addColumns(nodes []llbgen.Node, keys []string) {
	type stage struct {
		key  string
		rank int // of its first line
	}
	const last = 1 << 30
	var stages []stage
	for i, key := range keys {
		rank := cmp.Or(nodes[i].Line, last)
		if nodes[i].Source != "" && nodes[i].Line == 0 {
			rank = 0
		}
		at := slices.IndexFunc(stages, func(s stage) bool { return s.key == key })
		if at < 0 {
			stages = append(stages, stage{key, rank})
			continue
		}
		stages[at].rank = min(stages[at].rank, rank)
	}
	slices.SortStableFunc(stages, func(a, b stage) int { return cmp.Compare(a.rank, b.rank) })
	for _, s := range stages {
		d.column(s.key)
	}
}

// column is the column of that key, which is its title too.
func (d *drawing) column(key string) int {
	at, ok := d.at[key]
	if !ok {
		at = len(d.columns)
		d.at[key] = at
		d.columns = append(d.columns, column{title: clean(key)})
	}
	return at
}

// stepName is what BuildKit's Dockerfile frontend calls a step: "[build 4/6] RUN make",
// "[linux/amd64 build 4/6] RUN make", "[4/6] RUN make".
var stepName = regexp.MustCompile(`(?s)^\[(?:[a-z0-9]+/[a-z0-9/]+ )?(?:(\S+) )?(\d+)/\d+\] (.*)$`)

// splitName is the stage that a name has, "" for none, and what remains.
func splitName(name string) (stage, text string) {
	if m := stepName.FindStringSubmatch(name); m != nil {
		return cmp.Or(m[1], "image"), m[3]
	}
	if text, ok := strings.CutPrefix(name, "[internal] "); ok {
		return "", text
	}
	return "", name
}

// boxOf draws one op.
func boxOf(n llbgen.Node, at int) box {
	_, text := splitName(n.Name)
	b := box{column: at, class: classSource, text: text}
	if word, rest, ok := strings.Cut(text, " "); ok && word == strings.ToUpper(word) {
		b.head, b.text = word, rest
	}
	switch n.Treatment {
	case llbgen.TreatmentCached:
		b.class, b.note = classCached, "from production's cache"
	case llbgen.TreatmentRepeated:
		b.class, b.note = classRepeated, "runs again"
	case llbgen.TreatmentInstrumented:
		b.class, b.note = classCompiled, "with the stand-in for go"
	}
	if n.Step != nil {
		if reason := reasonText(*n.Step); reason != "" {
			b.note += ": " + reason
		}
	}
	b.head = orUnknown(b.head, sourceKind(n))
	if n.Line > 0 {
		b.head += fmt.Sprintf(", line %d", n.Line)
	}
	return b
}

// sourceKind is what a source is, for one whose name does not begin with an instruction.
func sourceKind(n llbgen.Node) string {
	scheme, _, ok := strings.Cut(n.Source, "://")
	switch {
	case !ok:
		return "step"
	case scheme == "local":
		return "files"
	case scheme == "docker-image", scheme == "oci-layout":
		return "image"
	}
	return scheme
}

// debugImage draws what is made of production.
func (d *drawing) debugImage(e derive.Explanation) {
	at := d.column("debug image: " + e.Variant)
	below := -1
	if e.Graph != nil && e.Graph.Result >= 0 && e.Kind != variants.KindSidecar {
		below = d.boxOf[e.Graph.Result]
	}
	add := func(b box) int {
		b.column = at
		d.boxes = append(d.boxes, b)
		box := len(d.boxes) - 1
		if below >= 0 {
			d.arrows = append(d.arrows, arrow{below, box, arrowBase})
		}
		below = box
		return box
	}
	if e.Refusal != "" {
		add(box{class: classRefused, head: "refused", text: e.Refusal})
		return
	}
	if r := e.Rebuilt; r != nil {
		add(box{class: classCompiled, head: "the program is compiled again", text: strings.Join(r.Command, " "), note: fmt.Sprintf("from %s, in %s", r, r.Image)})
	}
	for _, l := range e.Layers {
		layer := add(box{class: classLayer, head: l.Description, text: l.Files, note: fromText(l.From)})
		d.recorded(e, l, layer)
	}
	if len(e.Layers) == 0 {
		add(box{class: classLayer, head: "layers", text: "known after a build"})
	}
}

// fromText says where the files of a layer come from.
func fromText(sources []variants.Source) string {
	var from []string
	for _, s := range sources {
		if s != variants.FromPlan {
			from = append(from, string(s))
		}
	}
	if len(from) == 0 {
		return ""
	}
	return "from " + strings.Join(from, " and ")
}

// recorded draws arrows from the steps that record what a layer has.
func (d *drawing) recorded(e derive.Explanation, l derive.Layer, layer int) {
	sources, symbols := slices.Contains(l.From, variants.FromCaptures), slices.Contains(l.From, variants.FromSymbols)
	if e.Graph == nil || !sources && !symbols {
		return
	}
	for i, n := range e.Graph.Nodes {
		if n.Treatment == llbgen.TreatmentInstrumented && (sources || e.Origin == "" || n.Name == e.Origin) {
			d.arrows = append(d.arrows, arrow{d.boxOf[i], layer, arrowMade})
		}
	}
}
