package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// sidecar runs production's own image, and the sidecar beside it, which stops the
// program at a breakpoint.
func (d *demo) sidecar(ctx context.Context, made images) (err error) {
	d.say("Now production's own image, optimized and stripped, as it runs:")
	d.say("$ docker run -d -p 127.0.0.1::12345 " + made.production)
	production, err := d.docker.Start(ctx, "--publish", "127.0.0.1::12345", made.production)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, production.Remove(context.WithoutCancel(ctx))) }()
	app, err := production.Addr(ctx, appPort)
	if err != nil {
		return err
	}
	if err := d.beside(ctx, production, made.sidecar, app); err != nil {
		return err
	}
	d.say("$ curl http://" + app + "/")
	body, err := testenv.Get(ctx, "http://"+app+"/")
	if err != nil {
		return err
	}
	fmt.Fprint(d.out, body)
	d.say("The sidecar is gone, and production goes on as if nothing had happened.")
	return nil
}

// beside attaches the sidecar to a container, stops at a breakpoint and leaves.
func (d *demo) beside(ctx context.Context, production *testenv.Container, ref, app string) (err error) {
	d.say("$ docker run -d -p 127.0.0.1::8000 --pid container:" + short(production) + " --cap-add SYS_PTRACE " + ref)
	sidecar, err := d.docker.Start(ctx, "--publish", "127.0.0.1::8000", "--pid", "container:"+production.ID, "--cap-add", "SYS_PTRACE", ref)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sidecar.Remove(context.WithoutCancel(ctx))) }()
	debugger, err := sidecar.Addr(ctx, debugPort)
	if err != nil {
		said, logErr := sidecar.Logs(ctx)
		return fmt.Errorf("%w; the sidecar said: %s", errors.Join(err, logErr), said)
	}
	d.say("$ dlv connect " + debugger)
	client, err := testenv.ConnectDelve(ctx, debugger)
	if err != nil {
		return err
	}
	err = halt(ctx, client)
	if err == nil {
		err = d.hit(ctx, client, app)
	}
	if err := errors.Join(err, client.Close()); err != nil {
		return err
	}
	d.say("$ docker stop " + short(sidecar))
	_, err = sidecar.Stop(ctx)
	return err
}

// halt stops the program once it runs under the debugger, as `dlv connect` does:
// Delve takes breakpoints while a program stands still.
func halt(ctx context.Context, client *testenv.Delve) error {
	for {
		state, err := client.GetStateNonBlocking()
		if err != nil {
			return err
		}
		if state.Running {
			_, err := client.Halt()
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(poll):
		}
	}
}

// poll is how often the debugger is asked whether the program runs.
const poll = 50 * time.Millisecond
