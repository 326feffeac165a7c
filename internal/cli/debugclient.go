package cli

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"

	"github.com/containerd/console"
	"github.com/dlvgen/dlvgen/internal/cli/connect"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/session"
	"github.com/dlvgen/dlvgen/variants"
)

// hold starts the debugger, and gives it to the client until that, the program or the user
// ends the session.
func (d debugging) hold(ctx context.Context, one *debugged, debugger session.Debugger) error {
	i := interrupts(ctx, d.streams.tell)
	defer i.stop()
	d.streams.tell(one.why)
	if one.image.Why != "" {
		d.streams.tell(fmt.Sprintf("the debug image is %s: %s", one.image.Ref, one.image.Why))
	}
	return session.Run(i.ctx, debugger, i.leave, func(ctx context.Context, at session.Endpoint) error {
		if d.flags.trace.asked() {
			return d.trace(ctx, one, at)
		}
		client, notes, err := d.client(ctx, one, at)
		if err != nil {
			return err
		}
		if d.flags.client == clientDelve && d.flags.format == formatText {
			return d.prompt(ctx, i, one, debugger, client, notes)
		}
		for _, note := range notes {
			d.streams.tell(note)
		}
		if err := d.configure(one, client); err != nil {
			return err
		}
		d.streams.tell(fmt.Sprintf("debugging %s at %s%s; Ctrl-C ends the session, and the program runs on", one.target.Name(), at.Address(), standing(at)))
		<-ctx.Done()
		return cause(ctx)
	})
}

// cause is why a session has ended, nil where the user has ended it.
func cause(ctx context.Context) error {
	var ended *session.EndedError
	if cause := context.Cause(ctx); errors.As(cause, &ended) || !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// standing says that the program waits.
func standing(at session.Endpoint) string {
	if at.Stopped {
		return " (the program stands still until a client continues it)"
	}
	return ""
}

// client is how a client reaches the debugger, and notes on what it does not see.
func (d debugging) client(ctx context.Context, one *debugged, at session.Endpoint) (connect.Target, []string, error) {
	image := connect.Image{Labels: one.image.Labels}
	image.Kind = variants.KindRemote // whatever started it, it serves now
	t := connect.Target{
		Windows: runtime.GOOS == "windows", Image: image, Name: one.target.Name(), Container: one.target.Name(),
		Host: at.Host, Port: at.Port, PID: docker.FirstPID, Workspace: d.flags.local == "",
	}
	local, notes, err := localFolders(ctx, image, d.flags.local)
	if err != nil {
		return t, nil, err
	}
	t.Mappings = image.Mappings(local)
	return t, notes, nil
}

// configure prints what a client needs.
func (d debugging) configure(one *debugged, t connect.Target) (err error) {
	var text string
	switch {
	case d.flags.format == formatJSON:
		var record debugSession
		if record, err = newDebugSession(one, t); err == nil {
			return writeJSON(d.streams.out, record)
		}
	case d.flags.client == clientVSCode:
		text, err = t.VSCode()
	case d.flags.client == clientGoLand:
		text, err = t.GoLand()
	default:
		text, err = t.Neovim()
	}
	if err == nil {
		_, err = fmt.Fprint(d.streams.out, text)
	}
	return err
}

// debugSession is the output of --format json.
type debugSession struct {
	Target     string            `json:"target"`
	Production string            `json:"production"`
	Digest     string            `json:"digest"`
	Way        session.Way       `json:"way"`
	Why        string            `json:"why"`
	Image      string            `json:"image"`
	Host       string            `json:"host"`
	Port       int               `json:"port"`
	Paths      []connect.Mapping `json:"paths"`
	Command    []string          `json:"command"`
	Init       []string          `json:"init,omitempty"`

	// Steps are the command lines of a dry run.
	Steps []session.Step `json:"steps,omitempty"`
}

func newDebugSession(one *debugged, t connect.Target) (debugSession, error) {
	init, err := t.Init()
	production := one.target.Production()
	return debugSession{
		Target: one.target.Name(), Production: production.Name, Digest: production.Digest(), Way: one.way, Why: one.why, Image: one.image.Ref,
		Host: t.Host, Port: t.Port, Paths: append([]connect.Mapping{}, t.Mappings...), Command: t.Command(), Init: init,
	}, err
}

// prompt is Delve's: the user's own, where that finds the sources, else that of the debugger's
// container.
func (d debugging) prompt(ctx context.Context, i *interruption, one *debugged, debugger session.Debugger, t connect.Target, notes []string) error {
	i.prompting.Store(true)
	defer i.prompting.Store(false)
	program, err := exec.LookPath("dlv")
	own := err == nil && (len(notes) == 0 || one.image.Labels.Sources != variants.SourcesBaked)
	d.streams.tell(fmt.Sprintf("debugging %s at %s: the program stands still while the prompt waits; `quit -c` leaves it running (if asked whether to kill it, answer n)", one.target.Name(), t.Address()))
	if own {
		for _, note := range notes {
			d.streams.tell(note)
		}
		err = d.ownDelve(ctx, program, t)
	} else {
		err = debugger.Prompt(ctx, docker.Command{In: d.streams.in, Out: d.streams.out, Err: d.streams.err, Terminal: d.terminal()})
	}
	if ctx.Err() == nil {
		return err
	}
	var ended *session.EndedError
	if cause := context.Cause(ctx); errors.As(cause, &ended) {
		return cause
	}
	return nil // the user ended it by a signal
}

// terminal is the user's, nil where stdin or stdout is none.
func (d debugging) terminal() console.Console {
	if terminalOf(d.streams.out) == nil {
		return nil
	}
	return terminalOf(d.streams.in)
}

// ownDelve runs the user's Delve with path rules until it ends.
func (d debugging) ownDelve(ctx context.Context, program string, t connect.Target) error {
	rules, err := t.Init()
	if err != nil {
		return err
	}
	return d.streams.delve(ctx, []string{program, "connect", t.Address()}, rules)
}
