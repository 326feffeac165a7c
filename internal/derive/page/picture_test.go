package page

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
)

// named is an explanation in which everything that others have written is that name.
func named(name string) derive.Explanation {
	instrumented := llbgen.Surveyed{Name: name, Treatment: llbgen.TreatmentInstrumented, Reason: name}
	return derive.Explanation{
		Platform: name, Variant: name, Entrypoint: []string{name}, Program: name, Origin: name, Go: name, Delve: name, Warnings: []string{name},
		Graph: &llbgen.Graph{Result: 2, Nodes: []llbgen.Node{
			{Name: name, Source: "docker-image://" + name, Base: -1},
			{Name: "[" + name + " 1/2] RUN " + name, Treatment: llbgen.TreatmentInstrumented, Step: &instrumented, Base: 0, Line: 1},
			{Name: "[" + name + " 2/2] COPY " + name, Treatment: llbgen.TreatmentRepeated, Base: 1, From: []int{0, 0}},
		}},
		Layers: []derive.Layer{{Layer: variants.Layer{Files: name, Description: name}, From: []variants.Source{variants.FromCaptures}}},
	}
}

// FuzzPictures draws what anybody may have written: both formats keep it in its place.
func FuzzPictures(f *testing.F) {
	for _, name := range []string{"", "a", "</svg><script>x</script>", `\"]; b -> c [label="`, "\x00\x1b]0;\a\u202e\n\ufffe\xff", "&amp;\\l\\", "日本語日本語日本語日本語日本語日本語日本語日本語", strings.Repeat("long ", 200)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		var svg, dot bytes.Buffer
		if err := WriteSVG(&svg, []derive.Explanation{named(name), {Refusal: name}}); err != nil {
			t.Fatal(err)
		}
		if err := WriteDot(&dot, []derive.Explanation{named(name), {Refusal: name}}); err != nil {
			t.Fatal(err)
		}
		if got, want := elements(t, svg.Bytes()), elements(t, drawnAs(t, "a")); !slices.Equal(got, want) {
			t.Errorf("the elements are %q, want %q", got, want)
		}
		if rest := dotStrings.ReplaceAll(dot.Bytes(), nil); !dotRest.Match(rest) {
			t.Errorf("between the strings is %q", rest)
		}
	})
}

func drawnAs(t *testing.T, name string) []byte {
	t.Helper()
	var svg bytes.Buffer
	if err := WriteSVG(&svg, []derive.Explanation{named(name), {Refusal: name}}); err != nil {
		t.Fatal(err)
	}
	return svg.Bytes()
}

var (
	dotStrings = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"`)
	dotRest    = regexp.MustCompile(`^[a-z0-9_ ={}\[\],;.\n>-]*$`)
)

// elements are those of a document, texts aside, whose number depends on what they say.
func elements(t *testing.T, document []byte) []string {
	t.Helper()
	var names []string
	decoder := xml.NewDecoder(bytes.NewReader(document))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local != "text" {
			names = append(names, start.Name.Local)
		}
	}
}

// TestBoxesStandApart has boxes that do not overlap, and no arrow through one.
func TestBoxesStandApart(t *testing.T) {
	for seed := range uint64(50) {
		boxesStandApart(t, randomPicture(rand.New(rand.NewPCG(seed, 0))))
	}
}

// randomPicture has boxes that are made from any that come before them.
func randomPicture(r *rand.Rand) picture {
	p := picture{title: "title", columns: make([]column, 1+r.IntN(5))}
	for i := range 20 {
		p.boxes = append(p.boxes, box{column: r.IntN(len(p.columns)), head: "head", text: strings.Repeat("word ", r.IntN(30))})
		for from := range i {
			if r.IntN(5) == 0 {
				p.arrows = append(p.arrows, arrow{from, i, arrowCopy})
			}
		}
	}
	return p
}

func boxesStandApart(t *testing.T, p picture) {
	t.Helper()
	l := layOut(p)
	for i, a := range l.places {
		for _, b := range l.places[i+1:] {
			if a.x == b.x && a.y < b.y+b.height && b.y < a.y+a.height {
				t.Errorf("boxes overlap: %+v and %+v", a, b)
			}
		}
	}
	for _, p := range l.paths {
		for i := 1; i < len(p.points); i++ {
			for _, s := range l.places {
				if crosses(p.points[i-1], p.points[i], s) {
					t.Errorf("the arrow %+v goes through %+v", p, s)
				}
			}
		}
	}
}

// crosses tells whether a line goes through the inside of a box.
func crosses(a, b point, s spot) bool {
	return max(a.x, b.x) > s.x && min(a.x, b.x) < s.x+boxWidth && max(a.y, b.y) > s.y && min(a.y, b.y) < s.y+s.height
}

func TestLinesAreWrapped(t *testing.T) {
	for _, tc := range []struct {
		text           string
		columns, limit int
		want           []string
	}{
		{"", 5, 2, nil},
		{"one two three", 7, 2, []string{"one two", "three"}},
		{"one two three", 7, 1, []string{"one tw…"}},
		{"unbreakable", 4, 9, []string{"unbr", "eaka", "ble"}},
		{"日本語", 4, 2, []string{"日本", "語"}},
		{"日", 1, 3, []string{"日"}},
		{"a b c d", 3, 2, []string{"a b", "c d"}},
	} {
		if got := wrap(tc.text, tc.columns, tc.limit); !slices.Equal(got, tc.want) {
			t.Errorf("wrap(%q, %d, %d) is %q, want %q", tc.text, tc.columns, tc.limit, got, tc.want)
		}
	}
}
