package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// remote runs the debug image and stops it at a breakpoint.
func (d *demo) remote(ctx context.Context, ref string) (err error) {
	d.say("$ docker run -d -p 127.0.0.1::8000 -p 127.0.0.1::12345 " + ref)
	container, err := d.docker.Start(ctx, "--publish", "127.0.0.1::8000", "--publish", "127.0.0.1::12345", ref)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, container.Remove(context.WithoutCancel(ctx))) }()
	debugger, err := container.Addr(ctx, debugPort)
	if err != nil {
		return err
	}
	app, err := container.Addr(ctx, appPort)
	if err != nil {
		return err
	}
	d.say("$ dlv connect " + debugger)
	client, err := testenv.ConnectDelve(ctx, debugger)
	if err != nil {
		return err
	}
	if err := errors.Join(d.hit(ctx, client, app), client.Close()); err != nil {
		return err
	}
	d.say("$ docker stop " + short(container))
	code, err := container.Stop(ctx)
	if err != nil {
		return err
	}
	d.say(fmt.Sprintf("The program ended by its own SIGTERM handler, exit code %d, as in production.", code))
	return nil
}

// short is a container's ID as people type it.
func short(c *testenv.Container) string { return c.ID[:12] }
