package llbgen

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
)

// shown is a graph as text: a line for each node, with the numbers of what it is made from.
func shown(g Graph) []string {
	var lines []string
	for i, n := range g.Nodes {
		line := fmt.Sprintf("%d %s: %s, on %d", i, n.Name, n.Treatment, n.Base)
		if n.Source != "" {
			line = fmt.Sprintf("%d source %s", i, n.Source)
		}
		if len(n.From) > 0 {
			line += fmt.Sprintf(", from %d", n.From)
		}
		lines = append(lines, line)
	}
	return append(lines, fmt.Sprintf("result %d", g.Result))
}

func TestAGraphSaysWhatEachOpIsMadeFrom(t *testing.T) {
	build := run(goImage(), "apt-get update")
	build = run(copied(build, buildContext(), "/", "/src/"), "go build -o /server .", llb.AddMount("/tools", alpine(), llb.Readonly))
	final := linked(run(alpine(), "apk add tini"), build, "/server", "/server")
	g, err := Draw(definition(t, run(final, "chmod +x /server")), InstrumentOptions{Tools: testTools})
	if err != nil {
		t.Fatal(err)
	}
	number := func(beginning string) int {
		return slices.IndexFunc(g.Nodes, func(n Node) bool { return strings.HasPrefix(n.Name, beginning) })
	}
	golang, alpine, context := number("docker-image://docker.io/library/golang"), number("docker-image://docker.io/library/alpine"), number("local://")
	update, compile, tini, merged, last := number("RUN apt-get"), number("RUN go build"), number("RUN apk"), number("merge"), number("RUN chmod")
	for _, tc := range []struct {
		node      int
		treatment Treatment
		base      int
		from      []int
	}{
		{golang, "", -1, nil},
		{update, TreatmentCached, golang, nil},
		{g.Nodes[compile].Base, TreatmentCached, update, []int{context}},
		{compile, TreatmentInstrumented, g.Nodes[compile].Base, []int{alpine}},
		{tini, TreatmentCached, alpine, nil},
		{merged, TreatmentRepeated, tini, []int{merged - 1}},
		{merged - 1, TreatmentRepeated, -1, []int{compile}},
		{last, TreatmentRepeated, merged, nil},
	} {
		n := g.Nodes[tc.node]
		if n.Treatment != tc.treatment || n.Base != tc.base || !slices.Equal(n.From, tc.from) {
			t.Errorf("%s is %+v, want %+v; the graph is\n%s", n.Name, n, tc, strings.Join(shown(g), "\n"))
		}
		if step := strings.HasPrefix(n.Name, "RUN"); step != (n.Step != nil) || step && n.Step.Treatment != n.Treatment {
			t.Errorf("%s: the step is %+v", n.Name, n.Step)
		}
	}
	if g.Result != last {
		t.Errorf("the result is %d, want %d", g.Result, last)
	}
}

func TestAGraphOfNothingIsEmpty(t *testing.T) {
	g, err := Draw(definition(t, llb.Scratch()), InstrumentOptions{Tools: testTools})
	if err != nil || len(g.Nodes) != 0 || g.Result != -1 {
		t.Errorf("the graph is %+v, %v", g, err)
	}
}
