package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/session"
	"github.com/dlvgen/dlvgen/internal/watch"
)

const (
	// lookEvery is how often the engine is asked for the container of a new image.
	lookEvery = 100 * time.Millisecond

	// lookAgain is how long it waits after a container that could not be reached.
	lookAgain = time.Second

	// lookNotice is how long that may take without a word.
	lookNotice = 20 * time.Second
)

// clientsOf leads clients to the container that runs the last image.
type clientsOf struct {
	engine *docker.Engine
	proxy  *watch.Proxy
	tell   func(string)

	mu      sync.Mutex
	wanted  *wanted
	changed chan struct{} // closed when another image is wanted
}

// wanted is what a container must run.
type wanted struct {
	ids  []string // digests of the images that serve
	name string

	// before are the containers that ran before the command, which may be about to replace them:
	// they count when it has ended.
	before map[string]bool
	ended  <-chan struct{}
}

// has says that a container may be the one.
func (w *wanted) has(id string) bool {
	select {
	case <-w.ended:
		return true
	default:
		return !w.before[id]
	}
}

// connectClients opens the address for clients. end closes it.
func (w *watching) connectClients(ctx context.Context) (end func(), err error) {
	waits := &patience.Patience{Tell: w.tell}
	engine, err := bake.ConnectEngine(ctx, waits)
	if err != nil {
		return nil, err
	}
	c := &clientsOf{engine: engine, tell: w.tell, changed: make(chan struct{})}
	if c.proxy, err = watch.Listen(w.flags.port, w.tell); err != nil {
		_ = engine.Close()
		return nil, err
	}
	w.clients = c
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { c.proxy.Serve(ctx) })
	running.Go(func() { c.follow(ctx, &running) })
	w.tell(fmt.Sprintf("clients find the debugger at %s as soon as it runs", c.proxy.Address()))
	return func() {
		cancel()
		running.Wait()
		_ = engine.Close()
	}, nil
}

// hold has clients wait for what a command starts, and returns what runs before it.
func (c *clientsOf) hold(ctx context.Context) (before map[string]bool, err error) {
	list, err := c.engine.Running(ctx)
	if err != nil {
		return nil, err
	}
	before = map[string]bool{}
	for _, one := range list {
		before[one.ID] = true
	}
	c.proxy.Hold()
	return before, nil
}

// expect leads clients to a container of new images, which a command starts that is to end.
func (c *clientsOf) expect(results []*bake.Result, before map[string]bool, ended <-chan struct{}) {
	want := &wanted{before: before, ended: ended}
	for _, res := range results {
		if serves(res.Request) {
			want.ids = append(want.ids, res.IDs()...)
			want.name = strings.Join(res.Names(), " ")
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wanted = want
	close(c.changed)
	c.changed = make(chan struct{})
}

// follow leads clients to one container after the other.
func (c *clientsOf) follow(ctx context.Context, running *sync.WaitGroup) {
	for ctx.Err() == nil {
		c.mu.Lock()
		want, changed := c.wanted, c.changed
		c.mu.Unlock()
		looking, stop := context.WithCancel(ctx)
		running.Go(func() {
			select {
			case <-changed:
				stop()
			case <-looking.Done():
			}
		})
		for last := ""; want != nil && looking.Err() == nil; {
			if err := c.lead(ctx, looking, running, want); err != nil && looking.Err() == nil && err.Error() != last {
				last = err.Error()
				c.tell(last)
				c.proxy.Release()
			}
			select { // one that cannot be reached may be started again
			case <-looking.Done():
			case <-time.After(lookAgain):
			}
		}
		<-looking.Done()
	}
}

// lead waits for a container that runs what is wanted, leads clients to it, and returns when it
// has ended, or with looking: clients stay connected until ctx ends then, or until the container
// does.
func (c *clientsOf) lead(ctx, looking context.Context, running *sync.WaitGroup, want *wanted) error {
	one, id, err := c.find(looking, want)
	if err != nil {
		return err
	}
	debugger, err := one.Debugger(session.WayConnect, session.Image{}, session.Options{Tell: c.tell})
	if err != nil {
		return err
	}
	starting, failed := context.WithCancelCause(looking)
	defer failed(nil)
	ended := make(chan error, 1)
	running.Go(func() {
		code, err := c.engine.Ended(ctx, id)
		if err != nil { // it is removed, or the engine is gone
			err = fmt.Errorf("the container %s is gone", one.Name())
		} else {
			err = fmt.Errorf("the container %s has ended with exit code %d", one.Name(), code)
		}
		failed(err)
		ended <- err
	})
	at, err := debugger.Start(starting)
	if err != nil {
		return cmp.Or(context.Cause(starting), err)
	}
	to := watch.Debugger{ID: id, Address: at.Address()}
	c.tellReached(one.Name(), at, c.proxy.Lead(to))
	gone := make(chan error, 1)
	running.Go(func() {
		err := <-ended
		if ctx.Err() == nil {
			c.proxy.Drop(to)
		}
		gone <- err
	})
	select {
	case err := <-gone:
		return fmt.Errorf("%w: clients wait for another one", err)
	case <-looking.Done():
		return nil
	}
}

// tellReached says where the debugger is found, and that clients that have lost one must connect
// again.
func (c *clientsOf) tellReached(name string, at session.Endpoint, lost int) {
	line := fmt.Sprintf("the debugger of %s answers at %s%s: dlv connect %[2]s", name, c.proxy.Address(), standing(at))
	if lost > 0 {
		line = fmt.Sprintf("the program was replaced, and its clients are disconnected: connect again with `dlv connect %s`%s", c.proxy.Address(), standing(at))
	}
	c.tell(line)
}

// find waits for a container that runs one of the images.
func (c *clientsOf) find(ctx context.Context, want *wanted) (one *session.Container, id string, err error) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	notice := time.NewTimer(lookNotice)
	defer notice.Stop()
	seen := map[string]bool{} // which images are wanted, by their ids
	for {
		list, err := c.engine.Running(ctx)
		if err != nil {
			return nil, "", err
		}
		for _, candidate := range list {
			if !want.has(candidate.ID) || !c.isWanted(ctx, candidate.ImageID, want, seen) {
				continue
			}
			one, err := session.OpenContainer(ctx, c.engine, candidate.ID, session.UserJournals())
			if one != nil || err != nil {
				return one, candidate.ID, err
			}
		}
		select {
		case <-ctx.Done():
			return nil, "", ctx.Err()
		case <-notice.C:
			c.tell(fmt.Sprintf("no container runs %s yet: --run must start one with the new image, and clients wait for it", want.name))
		case <-ticker.C:
		}
	}
}

// isWanted says that an image of the engine is wanted: by its id, or by the digest that it has in
// the registry that it was pulled from.
func (c *clientsOf) isWanted(ctx context.Context, id string, want *wanted, seen map[string]bool) bool {
	if is, known := seen[id]; known {
		return is
	}
	is := slices.Contains(want.ids, id)
	if !is {
		image, has, err := c.engine.Image(ctx, id)
		if err != nil || !has {
			return false
		}
		is = slices.ContainsFunc(image.RepoDigests, func(name string) bool {
			_, digest, _ := strings.Cut(name, "@")
			return slices.Contains(want.ids, digest)
		})
	}
	seen[id] = is
	return is
}
