package builders

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	bxbuilder "github.com/docker/buildx/builder"
	"github.com/docker/buildx/util/platformutil"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// open connects to the nodes that the build needs, and starts those that are stopped. A node
// that does not answer is left out where another one runs its platforms natively.
func (s buildx) open(ctx context.Context, o Options) (*Builder, error) {
	nodes, err := s.nodes(ctx)
	if err != nil {
		return nil, err
	}
	g := &group{buildx: s, o: o, nodes: nodes, opened: make([]*Node, len(nodes)), errs: make([]error, len(nodes))}
	if len(o.Platforms) == 0 || len(nodes) == 1 {
		return g.first(ctx)
	}
	used, err := g.share(ctx)
	if err != nil {
		_ = closeNodes(g.opened)
		return nil, err
	}
	for i, n := range g.opened {
		if n != nil && !slices.Contains(used, n) {
			_ = n.Close()
			g.opened[i] = nil
		}
	}
	return &Builder{Nodes: used}, nil
}

// group are the nodes of a builder while it is opened.
type group struct {
	buildx
	o      Options
	nodes  []bxbuilder.Node
	opened []*Node // nil where a node was not asked, or has not answered
	errs   []error // of those that have not answered
}

// first takes the first node that answers, for all platforms.
func (g *group) first(ctx context.Context) (*Builder, error) {
	for i := range g.nodes {
		g.connect(ctx, []int{i})
		if n := g.opened[i]; n != nil {
			for _, err := range g.errs[:i] {
				g.o.Notify(fmt.Sprintf("building on node %s: %s", n.Name, firstLine(err)))
			}
			n.Builds = g.o.Platforms
			return &Builder{Nodes: []*Node{n}}, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("no node of the buildx builder %s (%s) answers: %w: see `docker buildx inspect %s`",
		g.builder.Name, g.builder.Driver, errors.Join(g.errs...), g.builder.Name)
}

// share gives each platform to a node, and returns the nodes that have one, in the order in
// which the platforms were asked for. Where the nodes are declared for all platforms, the
// others are not asked.
func (g *group) share(ctx context.Context) ([]*Node, error) {
	wanted := platformutil.Dedupe(g.o.Platforms)
	placed, worst := g.place(wanted)
	if worst == fitDeclared {
		g.connect(ctx, placed)
	}
	if slices.ContainsFunc(placed, func(i int) bool { return g.opened[i] == nil }) {
		all := make([]int, len(g.nodes))
		for i := range all {
			all[i] = i
		}
		g.connect(ctx, all)
		placed, worst = g.place(wanted)
		if err := g.missing(worst); err != nil {
			return nil, err
		}
	}
	var used []*Node
	for i, p := range wanted {
		n := g.opened[placed[i]]
		n.Builds = append(n.Builds, p)
		if !slices.Contains(used, n) {
			used = append(used, n)
		}
	}
	return used, nil
}

// place is the node of each platform by what is known so far, and how well the one fits that
// fits worst.
func (g *group) place(wanted []ocispecs.Platform) (placed []int, worst fit) {
	offers := make([]offer, len(g.nodes))
	for i, node := range g.nodes {
		offers[i] = offer{declared: node.Node.Platforms, down: g.errs[i] != nil}
		if n := g.opened[i]; n != nil {
			offers[i].answered = n.Platforms()
		}
	}
	worst = fitDeclared
	for _, p := range wanted {
		i, how := place(p, offers)
		placed, worst = append(placed, i), min(worst, how)
	}
	return placed, worst
}

// missing fails where a platform has no native node and one of the nodes does not answer: it
// may be that one. Where the others do without it, that is told.
func (g *group) missing(worst fit) error {
	var down []string
	for i, err := range g.errs {
		if err == nil {
			continue
		}
		declaredFor := ""
		if declared := platformutil.Format(g.nodes[i].Node.Platforms); len(declared) > 0 {
			declaredFor = " (" + strings.Join(declared, ", ") + ")"
		}
		down = append(down, firstLine(err)+declaredFor)
	}
	switch {
	case len(down) == 0:
		return nil
	case worst < fitNative:
		return fmt.Errorf("the buildx builder %s (%s) has a node that does not answer: %s: start it, or leave its platform out of --platform; see `docker buildx inspect %s`",
			g.builder.Name, g.builder.Driver, strings.Join(down, "; "), g.builder.Name)
	}
	for _, line := range down {
		g.o.Notify("building without a node: " + line)
	}
	return nil
}

// connect asks those nodes that were not asked before, at the same time.
func (g *group) connect(ctx context.Context, which []int) {
	var asking sync.WaitGroup
	asked := map[int]bool{}
	for _, i := range which {
		if asked[i] || g.opened[i] != nil || g.errs[i] != nil {
			continue
		}
		asked[i] = true
		asking.Go(func() { g.opened[i], g.errs[i] = g.openNode(ctx, g.o, g.nodes[i]) })
	}
	asking.Wait()
}
