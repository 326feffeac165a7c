package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	debugPort = 8000
	function  = "main.main"

	// runLimit is how long it may take from the start of a container to the stop.
	runLimit = 2 * time.Minute
)

// try derives a debug image from a Dockerfile, runs it and stops it in main.main.
// where is the place of the stop, failure why there is none.
func (m *machine) try(ctx context.Context, r row) (where, failure string) {
	where, err := m.tryOrFail(ctx, r)
	if pruned := m.prune(ctx); pruned != nil {
		err = errors.Join(err, pruned)
	}
	if err != nil {
		return "", strings.ReplaceAll(err.Error(), "\n", " ")
	}
	return where, ""
}

func (m *machine) tryOrFail(ctx context.Context, r row) (_ string, err error) {
	engine, err := m.engine(ctx)
	if err != nil {
		return "", err
	}
	ref, err := m.derive(ctx, r)
	if err != nil {
		return "", err
	}
	defer func() {
		_, removed := engine.CLI(context.WithoutCancel(ctx), "image", "rm", "--force", ref)
		err = errors.Join(err, removed)
	}()
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	port := r.debugPort()
	container, err := engine.Start(ctx, append([]string{"--publish", "127.0.0.1::" + port, ref}, r.Run...)...)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, container.Remove(context.WithoutCancel(ctx))) }()
	where, err := stop(ctx, container, port)
	if err != nil {
		said, logErr := container.Logs(context.WithoutCancel(ctx))
		return "", fmt.Errorf("%w; the container said: %s", errors.Join(err, logErr), lastLine(said))
	}
	return where, nil
}

// derive pushes the debug image and returns its reference. What dlvgen prints is
// kept in the state folder.
func (m *machine) derive(ctx context.Context, r row) (string, error) {
	replaced, err := m.contexts(ctx, r)
	if err != nil {
		return "", err
	}
	log, err := os.Create(filepath.Join(m.flags.state, r.name()+".log"))
	if err != nil {
		return "", err
	}
	defer log.Close()
	ctx, cancel := context.WithTimeout(ctx, m.flags.limit)
	defer cancel()
	cmd := m.dlvgen(ctx, "build", r, append(replaced, "-t", m.registry.Ref("corpus/"+r.name()+":v1"), "--variant", "remote", "--push")...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, log
	if err := cmd.Run(); err != nil {
		return "", m.refusal(err, log.Name())
	}
	return strings.TrimSpace(out.String()), nil
}

// refusal is what dlvgen said when it failed.
func (m *machine) refusal(failed error, log string) error {
	var exit *exec.ExitError
	text, err := os.ReadFile(log)
	if err != nil || !errors.As(failed, &exit) {
		return errors.Join(failed, err)
	}
	return errors.New(m.asNamed(refusalIn(string(text))))
}

// refusalIn is the error in what dlvgen printed.
func refusalIn(text string) string {
	said := lastLine(text)
	for line := range strings.Lines(text) {
		if refusal, ok := strings.CutPrefix(line, "dlvgen: "); ok && !strings.HasPrefix(refusal, "warning: ") {
			said = strings.TrimSpace(refusal)
		}
	}
	return said
}

// debugPort is where the debugger listens: at the port of --listen, if that is among
// the flags.
func (r row) debugPort() string {
	for _, f := range r.Flags {
		if addr, ok := strings.CutPrefix(f, "--listen="); ok {
			return addr[strings.LastIndex(addr, ":")+1:]
		}
	}
	return fmt.Sprint(debugPort)
}
