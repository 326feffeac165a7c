package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/cluster"
	"github.com/dlvgen/dlvgen/internal/delverpc"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/variants"
)

// podConnected is the debugger that a pod's container has already.
type podConnected struct {
	pod     *Pod
	port    int
	options Options
	forward *cluster.Forward
	at      Endpoint
	before  stand
	began   bool
}

func newPodConnected(p *Pod, o Options) (Debugger, error) {
	if o.Process != "" || o.User != nil {
		return nil, fmt.Errorf("the debugger of %s has its process and its user already: leave --pid, --program and --user out", p.Name())
	}
	c := &podConnected{pod: p, options: o}
	var err error
	c.port, err = Image{Ref: p.container.Image, Labels: p.production.Labels}.podPort()
	return c, err
}

// Steps implements [Debugger].
func (c *podConnected) Steps() []Step {
	local := c.options.Port
	if local == 0 {
		local = c.port
	}
	return []Step{{Why: "the port of its debugger on loopback, until Ctrl-C", Words: c.pod.cluster.Kubectl("port-forward", "pod/"+c.pod.seen.Metadata.Name, fmt.Sprintf("%d:%d", local, c.port))}}
}

// Start implements [Debugger].
func (c *podConnected) Start(ctx context.Context) (Endpoint, error) {
	err := c.pod.mayForward(ctx)
	if err == nil {
		c.forward, err = c.pod.cluster.Forward(c.pod.seen.Metadata.Name, c.port, c.options.Port)
	}
	if err != nil {
		return Endpoint{}, explainStart(err, c.options.Port, c.pod.container.Image)
	}
	c.at = Endpoint{Host: docker.Loopback, Port: c.forward.Port()}
	now, err := delverpc.AwaitServing(ctx, c.at.Address(), c.startsByItself())
	if err != nil {
		if _, reason := c.pod.ended(ctx); reason != "" {
			return c.at, &EndedError{Reason: reason}
		}
		return c.at, errors.Join(fmt.Errorf("the debugger of %s: %w", c.pod.Name(), err), c.forward.Failed())
	}
	c.at.Stopped = !now.Running
	c.before, c.began = look(ctx, c.at.Address(), now), true
	return c.at, nil
}

// startsByItself says that the program runs without a client.
func (c *podConnected) startsByItself() bool {
	labels := c.pod.production.Labels
	start := labels.Start
	for _, one := range c.pod.container.Env {
		if one.Name == startVariable && one.Value != "" {
			start = variants.Start(one.Value)
		}
	}
	return labels.Kind == variants.KindSidecar || start == variants.StartContinue
}

// Ended implements [Debugger].
func (c *podConnected) Ended(ctx context.Context) error {
	for {
		if _, reason := c.pod.ended(ctx); reason != "" && ctx.Err() == nil {
			c.began = false
			return &EndedError{Reason: reason}
		}
		if err := pause(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// Prompt implements [Debugger].
func (c *podConnected) Prompt(ctx context.Context, streams docker.Command) error {
	streams.Words = []string{layout.Delve, "connect", fmt.Sprintf(":%d", c.port)}
	_, err := c.pod.cluster.Exec(ctx, c.pod.seen.Metadata.Name, c.pod.container.Name, streams)
	return err
}

// End implements [Debugger]: it leaves the program as it was found, or running.
func (c *podConnected) End(ctx context.Context) error {
	if c.forward == nil {
		return nil
	}
	defer c.forward.Close()
	if !c.began {
		return nil
	}
	if err := c.before.release(ctx, c.at.Address()); err != nil {
		if _, reason := c.pod.ended(ctx); reason == "" {
			return errors.Join(fmt.Errorf("letting the program of %s go on", c.pod.Name()), err)
		}
	}
	return nil
}
