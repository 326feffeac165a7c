package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/cli/connect"
	"github.com/dlvgen/dlvgen/internal/session"
	"github.com/dlvgen/dlvgen/internal/visible"
)

// print prints what a session would do, as a person would type it.
func (d debugging) print(ctx context.Context, one *debugged, debugger session.Debugger) error {
	at := session.Endpoint{Host: loopback, Port: preferredPort}
	var err error
	switch {
	case one.way == session.WayConnect && !one.pod:
		if at, err = debugger.Start(ctx); err != nil { // it starts nothing
			return err
		}
	case d.flags.port != 0:
		at.Port = d.flags.port
	}
	t, notes, err := d.client(ctx, one, at)
	if err != nil {
		return err
	}
	for _, note := range notes {
		d.streams.tell(note)
	}
	if d.flags.format == formatJSON {
		record, err := newDebugSession(one, t)
		if err != nil {
			return err
		}
		record.Steps = debugger.Steps()
		return writeJSON(d.streams.out, record)
	}
	return d.printSteps(one, debugger.Steps(), t)
}

func (d debugging) printSteps(one *debugged, steps []session.Step, t connect.Target) error {
	var b strings.Builder
	reason := func(text string) { fmt.Fprintf(&b, "# %s\n", visible.Line(text)) }
	production := one.target.Production()
	reason(fmt.Sprintf("%s runs %s", one.target.Name(), production))
	reason(one.why)
	if one.image.Why != "" {
		reason(fmt.Sprintf("the debug image is %s: %s", one.image.Ref, one.image.Why))
	}
	connected := false
	client := func() error {
		connected = true
		text, err := t.Delve()
		b.WriteString("# the client\n" + text)
		for _, line := range d.flags.trace.commands() {
			reason("at its prompt: " + line)
		}
		return err
	}
	for _, step := range steps {
		if strings.HasPrefix(step.Why, "the end") && !connected {
			if err := client(); err != nil {
				return err
			}
		}
		if step.Why != "" {
			reason(step.Why)
		}
		line, err := stepLine(t, step)
		if err != nil {
			return err
		}
		b.WriteString(line + "\n")
	}
	if !connected {
		if err := client(); err != nil {
			return err
		}
	}
	_, err := fmt.Fprint(d.streams.out, b.String())
	return err
}

// stepLine is a step as it is typed.
func stepLine(t connect.Target, step session.Step) (string, error) {
	if step.Profile != "" {
		return profileLine(t, step)
	}
	line, err := t.CommandLine(step.Words)
	const run = "docker run "
	if rest, ok := strings.CutPrefix(line, run); ok && step.EnvOf != "" {
		line = run + "--env-file <(docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' " + step.EnvOf + ") " + rest
	}
	return line, err
}

// profileLine is a `kubectl debug` with a profile. The container's own command is behind "--".
func profileLine(t connect.Target, step session.Step) (string, error) {
	end := slices.Index(step.Words, "--")
	if end < 0 {
		end = len(step.Words)
	}
	flags, flagsErr := t.CommandLine(step.Words[:end])
	profile, profileErr := t.CommandLine([]string{"echo", step.Profile})
	command, commandErr := t.CommandLine(step.Words[end:])
	return strings.TrimSpace(flags + " --custom=<(" + profile + ") " + command), errors.Join(flagsErr, profileErr, commandErr)
}
