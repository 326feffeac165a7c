package bench

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/moby/buildkit/client"
)

// notable is the shortest time of a step that is worth a line.
const notable = 20 * time.Millisecond

// span is a named stretch of time. Spans overlap.
type span struct {
	name           string
	started, ended time.Time
}

func (s span) length() time.Duration { return s.ended.Sub(s.started) }

// build is one call of dlvgen with its steps.
type build struct {
	all   span
	spans []span
}

// takes is how many edits are taken apart to show the one in the middle.
const takes = 3

// explain takes apart edits of their own, of the variant remote.
func (t *table) explain(b *testing.B, on parts, p *program) {
	b.Helper()
	var taken []build
	for range takes {
		taken = append(taken, takeApart(b, on, p))
	}
	slices.SortFunc(taken, func(a, b build) int { return cmp.Compare(a.all.length(), b.all.length()) })
	t.steps = append(t.steps, describe(p, taken[takes/2]))
}

// takeApart builds after an edit, with a display that tells the times of all steps.
func takeApart(b *testing.B, on parts, p *program) build {
	b.Helper()
	p.edit(b)
	cmd := on.command(b.Context(), p, "remote", "--progress", "rawjson")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	all := span{name: "all of it", started: time.Now()}
	err := cmd.Run()
	all.ended = time.Now()
	if err != nil {
		b.Fatalf("%v: %s", err, stderr.String())
	}
	spans, err := readSpans(&stderr)
	if err != nil {
		b.Fatal(err)
	}
	return build{all: all, spans: spans}
}

// readSpans reads the steps and their parts from a display of mode rawjson, in the
// order in which they started.
func readSpans(r io.Reader) ([]span, error) {
	found := map[string]*span{}
	add := func(key, name string, started, ended *time.Time) {
		if started == nil || ended == nil {
			return
		}
		s, ok := found[key]
		if !ok {
			s = &span{name: name, started: *started, ended: *ended}
			found[key] = s
		}
		s.ended = *ended
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
	var spans []span
	for _, s := range found {
		spans = append(spans, *s)
	}
	slices.SortFunc(spans, func(a, b span) int { return a.started.Compare(b.started) })
	return spans, nil
}

// describe lists the notable spans with their start after the program's.
func describe(p *program, of build) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s: one edit with dlvgen, remote, step by step\n", p.name)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "at\ttakes\t  step")
	for _, s := range append([]span{of.all}, of.spans...) {
		if took := s.length(); took >= notable {
			fmt.Fprintf(w, "%s\t%s\t  %s\n", seconds(s.started.Sub(of.all.started)), seconds(took), shortened(s.name))
		}
	}
	_ = w.Flush()
	return b.String()
}

// shortened cuts a step's name to a line.
func shortened(name string) string {
	const width = 90
	if r := []rune(name); len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return name
}
