package builders

import (
	"context"
	"slices"
	"sync"
)

// Listed is a builder and what is seen of it.
type Listed struct {
	Info
	State

	// Selected is the one that a build would take.
	Selected bool `json:"selected"`
}

// List returns the candidates in the order in which Open tries them, and then what --builder
// could name. Nothing is started.
func List(ctx context.Context, o Options) ([]Listed, error) {
	candidates, err := o.candidates()
	if err != nil {
		return nil, err
	}
	tried := len(candidates)
	docker, err := newDocker()
	if err != nil {
		return nil, err
	}
	others, err := all(docker)
	if err != nil {
		return nil, err
	}
	others = append(others, childCandidate())
	for _, other := range others {
		if !slices.ContainsFunc(candidates, func(c candidate) bool { return c.Name == other.Name && c.Driver == other.Driver }) {
			candidates = append(candidates, other)
		}
	}

	list := make([]Listed, len(candidates))
	var looking sync.WaitGroup
	for i, c := range candidates {
		looking.Go(func() { list[i] = Listed{Info: c.Info, State: c.look(ctx)} })
	}
	looking.Wait()
	if i := slices.IndexFunc(list[:tried], func(l Listed) bool { return l.Status != Unusable }); i >= 0 {
		list[i].Selected = true
	}
	return list, ctx.Err()
}

// Names are what --builder could name. Nothing is asked of builders.
func Names() ([]string, error) {
	docker, err := newDocker()
	if err != nil {
		return nil, err
	}
	list, err := all(docker)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, c := range append(list, childCandidate()) {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
