package builders

import (
	"context"

	"github.com/dlvgen/dlvgen/internal/buildkit"
)

// address is a BuildKit whose address the user names.
type address struct{ addr, from string }

func addressCandidate(addr, from string) candidate {
	return candidate{
		Info:   Info{Name: addr, Driver: driverAddress, Endpoint: addr, Why: from, explicit: true},
		source: address{addr, from},
	}
}

func (a address) open(ctx context.Context, o Options) (*Builder, error) {
	conn, err := buildkit.Connect(ctx, a.addr, a.from, o.waits())
	if err != nil {
		return nil, err
	}
	return single(conn, "BuildKit at "+a.addr, o.Platforms), nil
}

func (a address) look(ctx context.Context) State {
	conn, err := buildkit.Connect(ctx, a.addr, a.from, Options{}.waits())
	if err != nil {
		return unusable(err)
	}
	defer func() { _ = conn.Close() }()
	return (&Node{Connection: conn}).state(ctx)
}

// child is the buildkitd that dlvgen starts.
type child struct{}

func childCandidate() candidate {
	c := candidate{Info: Info{Name: "dlvgen", Driver: driverChild}, source: child{}}
	if b, err := buildkit.NewChild(); err == nil {
		c.Endpoint = b.Addr()
	}
	return c
}

func (child) open(ctx context.Context, o Options) (*Builder, error) {
	c, err := buildkit.NewChild()
	if err != nil {
		return nil, err
	}
	conn, err := c.Open(ctx, o.Notify)
	if err != nil {
		return nil, err
	}
	return single(conn, childCandidate().String(), o.Platforms), nil
}

func (child) look(ctx context.Context) State {
	c, err := buildkit.NewChild()
	if err != nil {
		return unusable(err)
	}
	status, err := c.Status(ctx)
	switch {
	case err != nil:
		return unusable(err)
	case status.Running:
		return State{Status: Running, Version: status.Version}
	}
	if err := c.Startable(); err != nil {
		return unusable(err)
	}
	return State{Status: Stopped}
}
