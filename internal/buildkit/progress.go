package buildkit

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"
	digest "github.com/opencontainers/go-digest"
)

// ProgressModes lists the values of --progress, the default first.
func ProgressModes() []string {
	return []string{"auto", "plain", "tty", "quiet", "rawjson"}
}

// Progress shows the status of several builds in one display. Steps that builds
// share have one digest and are shown once.
type Progress struct {
	events   chan *client.SolveStatus
	sources  sync.WaitGroup
	done     chan struct{}
	err      error
	warnings []client.VertexWarning

	mu     sync.Mutex
	owners map[digest.Digest]int // which source a step is shown from
	count  int
	failed error
}

// NewProgress starts a display on out. An unknown mode is an error. The context
// cuts the display short; a build that is interrupted should still be shown to its
// end, so it is usually not the build's.
func NewProgress(ctx context.Context, out io.Writer, mode string) (*Progress, error) {
	if !slices.Contains(ProgressModes(), mode) {
		return nil, fmt.Errorf("unknown progress %q: it must be one of %s", mode, strings.Join(ProgressModes(), ", "))
	}
	display, err := progressui.NewDisplay(out, progressui.DisplayMode(mode))
	if err != nil {
		return nil, fmt.Errorf("showing the progress as %q: %w", mode, err)
	}
	p := &Progress{events: make(chan *client.SolveStatus), done: make(chan struct{}), owners: map[digest.Digest]int{}}
	go func() {
		defer close(p.done)
		p.warnings, p.err = display.UpdateFrom(ctx, p.events)
	}()
	return p, nil
}

// Source returns a channel for one build, which closes it. What the builds do not
// share by its digest, the export, is named after label, where that is not empty. The
// steps of a node, where it has a name, are shown with that, and shared with builds on that
// node only.
func (p *Progress) Source(node, label string) chan *client.SolveStatus {
	in := make(chan *client.SolveStatus)
	p.mu.Lock()
	p.count++
	source := p.count
	p.mu.Unlock()
	p.sources.Go(func() {
		for status := range in {
			if node != "" {
				ofNode(node, status)
			}
			p.keepOwn(status, source)
			for _, v := range status.Vertexes {
				v.Name = visible.Line(v.Name)
				if label != "" {
					v.Name = labelled(label, v.Name)
				}
				if node != "" {
					v.Name = prefixed(node, v.Name)
				}
				p.note(v)
			}
			select {
			case p.events <- status:
			case <-p.done:
			}
		}
	})
	return in
}

// ofNode tells a node's steps from those that have the same digest on another node.
func ofNode(node string, s *client.SolveStatus) {
	own := func(d digest.Digest) digest.Digest {
		if d == "" {
			return d
		}
		return digest.FromString(node + "/" + d.String())
	}
	for _, v := range s.Vertexes {
		v.Digest = own(v.Digest)
		for i := range v.Inputs {
			v.Inputs[i] = own(v.Inputs[i])
		}
	}
	for _, v := range s.Statuses {
		v.Vertex = own(v.Vertex)
	}
	for _, l := range s.Logs {
		l.Vertex = own(l.Vertex)
	}
	for _, w := range s.Warnings {
		w.Vertex = own(w.Vertex)
	}
}

// prefixed names a step's node as buildx does a target: "[node linux/arm64 build 2/4] RUN".
func prefixed(node, name string) string {
	if rest, ok := strings.CutPrefix(name, "["); ok {
		return "[" + node + " " + rest
	}
	return "[" + node + "] " + name
}

// note keeps the first step that failed.
func (p *Progress) note(v *client.Vertex) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v.Error != "" && p.failed == nil && !strings.Contains(v.Error, context.Canceled.Error()) {
		p.failed = fmt.Errorf("%s: %s", v.Name, v.Error)
	}
}

// FailedStep is the first step that failed, as an error with its name, nil where none
// did. BuildKit's own error of a build may name it better, with its place.
func (p *Progress) FailedStep() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

// keepOwn drops what another source tells already: the first that reports a step as
// started owns it. BuildKit reports a step, and each line it prints, to every build
// that waits for it.
func (p *Progress) keepOwn(s *client.SolveStatus, source int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	foreign := func(d digest.Digest, started bool) bool {
		owner, ok := p.owners[d]
		if !ok && started {
			p.owners[d], owner = source, source
		}
		return owner != 0 && owner != source
	}
	s.Vertexes = slices.DeleteFunc(s.Vertexes, func(v *client.Vertex) bool { return foreign(v.Digest, v.Started != nil) })
	s.Statuses = slices.DeleteFunc(s.Statuses, func(v *client.VertexStatus) bool { return foreign(v.Vertex, true) })
	s.Logs = slices.DeleteFunc(s.Logs, func(l *client.VertexLog) bool { return foreign(l.Vertex, true) })
}

func labelled(label, name string) string {
	if strings.HasPrefix(name, "exporting ") {
		return "[" + label + "] " + name
	}
	return name
}

// Wait returns when every source is closed and everything was shown. It returns
// the warnings that the builds gave, each once.
func (p *Progress) Wait() ([]client.VertexWarning, error) {
	p.sources.Wait()
	close(p.events)
	<-p.done
	seen := map[string]bool{}
	warnings := slices.DeleteFunc(p.warnings, func(w client.VertexWarning) bool {
		key := fmt.Sprint(string(w.Short), w.URL, w.Range)
		defer func() { seen[key] = true }()
		return seen[key]
	})
	return warnings, p.err
}
