package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/containerd/console"
	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/visible"
)

// tagsView shows how deriving from many tags gets on: a line for each, and on a terminal a bar.
// With --progress plain, the builds are shown too, each line with its tag.
type tagsView struct {
	streams
	tags   *bake.Tags
	format formatValue
	screen console.Console // nil where stderr is no terminal

	mu           sync.Mutex
	total, ended int
	running      []running
	shown        bool // the bar
	told         map[string]bool
}

// running is a build that has begun.
type running struct {
	group *bake.TagGroup
	since time.Time
	lines *lineWriter
}

func newTagsView(s streams, t *bake.Tags, format formatValue) *tagsView {
	v := &tagsView{streams: s, tags: t, format: format, told: map[string]bool{}}
	if t.Compact() {
		v.screen = terminalOf(s.err)
	}
	return v
}

// Found implements [bake.TagsView].
func (v *tagsView) Found(groups []*bake.TagGroup, jobs int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, g := range groups {
		if g.Status == bake.TagNew {
			v.total++
		}
		if g.Status == bake.TagFailed {
			v.print(v.line(g))
		}
	}
	if v.total > 0 && !v.tags.DryRun() && v.wordy() {
		v.print(fmt.Sprintf("%s. Deriving from %s, %d at a time", tally(groups), count(v.total, "image"), min(jobs, v.total)))
	}
}

// Begin implements [bake.TagsView].
func (v *tagsView) Begin(g *bake.TagGroup) bake.Streams {
	v.mu.Lock()
	defer v.mu.Unlock()
	r := running{group: g, since: time.Now()}
	names := visible.Line(strings.Join(g.Tags, ", "))
	if v.tags.Mode() == "plain" {
		r.lines = &lineWriter{view: v, prefix: names + " | "}
	} else if v.tags.Mode() == "rawjson" {
		r.lines = &lineWriter{view: v}
	}
	v.running = append(v.running, r)
	if v.screen == nil && v.wordy() {
		v.print(names + ": deriving")
	}
	v.draw()
	s := v.forBuild()
	s.Tell, s.Err, s.Out = func(line string) { v.tellOnce(names, line) }, io.Discard, io.Discard
	if r.lines != nil {
		s.Err = r.lines
	}
	return s
}

// End implements [bake.TagsView].
func (v *tagsView) End(g *bake.TagGroup) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ended++
	var took time.Duration
	for i, r := range v.running {
		if r.group == g {
			took = time.Since(r.since)
			r.lines.flush()
			v.running = append(v.running[:i], v.running[i+1:]...)
			break
		}
	}
	v.clear()
	if g.Status == bake.TagDerived && v.format == formatText {
		for _, img := range g.Images {
			_, _ = fmt.Fprintln(v.out, withDigest(img.Ref, img.Digest))
		}
	}
	switch {
	case g.Status == bake.TagDerived && v.wordy():
		v.print(fmt.Sprintf("%s in %.1fs", v.line(g), took.Seconds()))
	case g.Status == bake.TagFailed, g.Status == bake.TagRefused && v.wordy():
		v.print(v.line(g))
	}
	v.draw()
}

// line is a group with what became of it.
func (*tagsView) line(g *bake.TagGroup) string {
	text := strings.Join(g.Tags, ", ") + ": " + string(g.Status)
	if g.Err != nil {
		why, _ := reason(g.Err)
		text += ": " + why
	}
	return text
}

// wordy says that more than failures is told.
func (v *tagsView) wordy() bool { return v.tags.Mode() != "quiet" && v.tags.Mode() != "rawjson" }

// say tells what --progress may leave out.
func (v *tagsView) say(line string) {
	if v.wordy() {
		v.tell(line)
	}
}

// tell says something of all tags.
func (v *tagsView) tell(line string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.told[line] = true
	v.print(line)
	v.draw()
}

// tellOnce says something of a tag that was not said before: each build says which builder it
// takes.
func (v *tagsView) tellOnce(names, line string) {
	const most = 1000
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.told[line] {
		return
	}
	if len(v.told) < most {
		v.told[line] = true
	}
	v.print(names + ": " + line)
	v.draw()
}

// print writes a line above the bar.
func (v *tagsView) print(line string) {
	v.clear()
	v.streams.tell(line)
}

// close takes the bar away.
func (v *tagsView) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clear()
}

func (v *tagsView) clear() {
	if v.shown {
		_, _ = io.WriteString(v.err, "\r\x1b[K")
		v.shown = false
	}
}

// draw shows the bar, with the tags that are derived from.
func (v *tagsView) draw() {
	const cells = 20
	if v.screen == nil || v.total == 0 || len(v.running) == 0 {
		return
	}
	full := cells * v.ended / v.total
	var names []string
	for _, r := range v.running {
		names = append(names, r.group.Tags[0])
	}
	text := fmt.Sprintf("[%s%s] %d/%d %s", strings.Repeat("=", full), strings.Repeat(" ", cells-full), v.ended, v.total, visible.Line(strings.Join(names, ", ")))
	if size, err := v.screen.Size(); err == nil && size.Width > 0 {
		text = text[:min(len(text), int(size.Width)-1)]
	}
	v.clear()
	_, _ = io.WriteString(v.err, text)
	v.shown = true
}

// lineWriter writes whole lines, each with a prefix: several builds write at the same time.
type lineWriter struct {
	view   *tagsView
	prefix string
	rest   []byte
}

// Write implements io.Writer.
func (w *lineWriter) Write(p []byte) (int, error) {
	const longest = 1 << 20
	w.view.mu.Lock()
	defer w.view.mu.Unlock()
	w.rest = append(w.rest, p...)
	for {
		line, rest, whole := bytes.Cut(w.rest, []byte("\n"))
		if !whole {
			break
		}
		w.write(line)
		w.rest = rest
	}
	if len(w.rest) > longest {
		w.flush()
	}
	return len(p), nil
}

func (w *lineWriter) write(line []byte) {
	_, _ = fmt.Fprintf(w.view.err, "%s%s\n", w.prefix, line)
}

// flush writes what has no end yet. The view is locked.
func (w *lineWriter) flush() {
	if w != nil && len(w.rest) > 0 {
		w.write(w.rest)
		w.rest = nil
	}
}
