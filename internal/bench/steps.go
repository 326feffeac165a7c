package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/moby/buildkit/client"
)

// notable is the shortest time of a step that is worth a line.
const notable = 20 * time.Millisecond

// takes is how many edits are taken apart to show the one in the middle.
const takes = 3

// Steps are those of one edit.
type Steps struct {
	Title string
	Steps []Step
}

// Step is a named stretch of time. Steps overlap.
type Step struct {
	Name      string
	At, Takes time.Duration // At is its start after the program's
}

// explain takes apart edits of their own, and keeps the one in the middle.
func (r *Result) explain(ctx context.Context, b *bed, variants string) {
	var taken [][]Step
	for range takes {
		steps, _, err := b.takeApart(ctx, variants)
		if err != nil {
			b.lab.say("%s: %s cannot be taken apart: %v", r.Name, variants, err)
			return
		}
		taken = append(taken, steps)
	}
	slices.SortFunc(taken, func(a, b []Step) int { return cmp.Compare(a[0].Takes, b[0].Takes) })
	middle := slices.DeleteFunc(taken[takes/2], func(s Step) bool { return s.Takes < notable })
	r.Steps = append(r.Steps, Steps{Title: b.p.name + ", one edit, " + variants, Steps: middle})
}

// takeApart builds after an edit, with a display that tells the times of all steps. The
// first step is all of it.
func (b *bed) takeApart(ctx context.Context, variants string) ([]Step, sample, error) {
	cmd := b.on.command(ctx, b.p, variants, "--progress", "rawjson")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	var start time.Time
	s, err := b.on.timed(b.p, func() error {
		start = time.Now()
		return cmd.Run()
	})
	if err != nil {
		return nil, s, failed(cmd, err, stderr.Bytes())
	}
	steps, err := readSteps(&stderr, start)
	return append([]Step{{Name: "all of it", Takes: s.took}}, steps...), s, err
}

// readSteps reads the steps and their parts from a display of mode rawjson, in the
// order in which they started.
func readSteps(r io.Reader, start time.Time) ([]Step, error) {
	found := map[string]*Step{}
	add := func(key, name string, started, ended *time.Time) {
		if started == nil || ended == nil {
			return
		}
		if _, ok := found[key]; !ok {
			found[key] = &Step{Name: name, At: started.Sub(start)}
		}
		found[key].Takes = ended.Sub(start) - found[key].At
	}
	for decoder := json.NewDecoder(r); ; {
		var status client.SolveStatus
		err := decoder.Decode(&status)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading the progress: %w", err)
		}
		for _, v := range status.Vertexes {
			add(string(v.Digest), v.Name, v.Started, v.Completed)
		}
		for _, s := range status.Statuses {
			add(string(s.Vertex)+s.ID, "  "+s.ID, s.Started, s.Completed)
		}
	}
	var steps []Step
	for _, s := range found {
		steps = append(steps, *s)
	}
	slices.SortFunc(steps, func(a, b Step) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Name, b.Name)) })
	return steps, nil
}

// compileStep is how long the step takes that compiles.
func compileStep(steps []Step) (time.Duration, error) {
	var took time.Duration
	for _, s := range steps {
		if strings.Contains(s.Name, "RUN") && strings.Contains(s.Name, "go build") {
			took = max(took, s.Takes)
		}
	}
	if took == 0 {
		return 0, errors.New("no step of the build compiles")
	}
	return took, nil
}
