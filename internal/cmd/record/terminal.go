package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/containerd/console"
)

const (
	columns = 100
	rows    = 38

	// key is the time between two keys.
	key = 45 * time.Millisecond

	// patience is how long a step may take.
	patience = 3 * time.Minute
)

// terminal is a shell in a terminal that somebody types in. Once a step has failed, the
// others do nothing.
type terminal struct {
	ctx    context.Context //nolint:containedctx // of the session, whose steps read as a script
	master console.Console
	shell  *exec.Cmd
	start  time.Time
	err    error

	mu     sync.Mutex
	events []any
	text   strings.Builder // all that was shown
	seen   int             // how much of it was expected already
	more   chan struct{}   // has something when there is more
}

// openTerminal starts a shell in a folder.
func openTerminal(ctx context.Context, dir string, env []string) (*terminal, error) {
	master, name, err := console.NewPty()
	if err != nil {
		return nil, fmt.Errorf("making a terminal: %w", err)
	}
	t := &terminal{ctx: ctx, master: master, start: time.Now(), more: make(chan struct{}, 1)}
	slave, err := os.OpenFile(name, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, errors.Join(err, master.Close())
	}
	defer slave.Close()
	t.shell = exec.CommandContext(ctx, "bash", "--norc", "--noprofile", "-i")
	t.shell.Dir, t.shell.Env = dir, env
	t.shell.Stdin, t.shell.Stdout, t.shell.Stderr = slave, slave, slave
	t.shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = master.Resize(console.WinSize{Width: columns, Height: rows})
	if err == nil {
		err = t.shell.Start()
	}
	if err != nil {
		return nil, errors.Join(err, master.Close())
	}
	go t.read()
	return t, nil
}

// read records what the terminal shows until it is closed.
func (t *terminal) read() {
	var pending []byte
	buffer := make([]byte, 4096)
	for {
		n, err := t.master.Read(buffer)
		pending = append(pending, buffer[:n]...)
		whole := bytes.ToValidUTF8(pending, nil)
		if len(whole) == len(pending) || err != nil { // no character is cut
			t.show("o", string(whole))
			pending = nil
		}
		if err != nil {
			return
		}
	}
}

// show adds an event.
func (t *terminal) show(kind, data string) {
	if data == "" && kind == "o" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, []any{float64(time.Since(t.start).Milliseconds()) / 1000, kind, data})
	if kind != "o" {
		return
	}
	t.text.WriteString(data)
	select {
	case t.more <- struct{}{}:
	default:
	}
}

// caption shows a line beside the terminal until the next one.
func (t *terminal) caption(text string) {
	if t.err == nil {
		t.show("m", text)
	}
}

// line waits a moment, types a line and Enter.
func (t *terminal) line(text string) {
	t.wait(pause)
	for _, r := range text {
		t.write(string(r))
		t.wait(key)
	}
	t.write("\r")
}

func (t *terminal) write(keys string) {
	if t.err == nil {
		_, t.err = t.master.Write([]byte(keys))
	}
}

func (t *terminal) wait(d time.Duration) {
	if t.err != nil {
		return
	}
	select {
	case <-time.After(d):
	case <-t.ctx.Done():
		t.err = t.ctx.Err()
	}
}

// expect waits until the terminal shows a text behind what was expected before.
func (t *terminal) expect(text string) {
	limit := time.After(patience)
	for t.err == nil && !t.has(text) {
		select {
		case <-t.more:
		case <-limit:
			t.err = fmt.Errorf("the terminal does not show %q", text)
		case <-t.ctx.Done():
			t.err = t.ctx.Err()
		}
	}
}

func (t *terminal) has(text string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := t.text.String()[t.seen:]
	at := strings.Index(rest, text)
	if at >= 0 {
		t.seen += at + len(text)
	}
	return at >= 0
}

// shown is all that the terminal has shown.
func (t *terminal) shown() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// close ends the shell and what it runs.
func (t *terminal) close() error {
	err := t.shell.Process.Kill() // its children have the hang-up of the terminal
	_ = t.shell.Wait()            // killed
	return errors.Join(err, t.master.Close())
}

// cast is the recording as asciicast v2.
func (t *terminal) cast(title string) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(struct {
		Version int    `json:"version"`
		Width   int    `json:"width"`
		Height  int    `json:"height"`
		Title   string `json:"title"`
	}{2, columns, rows, title})
	for _, e := range t.events {
		err = errors.Join(err, encoder.Encode(e))
	}
	return b.Bytes(), err
}
