// Package trace sees the calls of functions of a program that runs under a headless Delve, with their
// arguments and results. The program stops at each call until Delve has read them, its answer has
// arrived here, and the request to go on has arrived there. It does not wait for who takes the calls.
//
// More requests to go on could be sent ahead: Delve takes one after the other. But they would have the
// program run again while Delve is to let it go, for which Delve gets little time: killed, it
// leaves its breakpoints in the program, which ends at the next one.
package trace

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dlvgen/dlvgen/internal/delverpc"
)

const (
	// endWithin is how long it may take until the program has stopped for the last time.
	endWithin = 20 * time.Second

	// resultsWithin is how long the results of the last calls are waited for.
	resultsWithin = 10 * time.Second

	// takeWithin is how long the last calls may take to be printed after the end.
	takeWithin = 2 * time.Second

	// unread is how many calls and returns may wait for who takes them. More are left out.
	unread = 1000

	// many is how many stops in a second slow a program down so much that the user is told.
	many = 20
)

// DefaultLimit is how many functions are traced unless the user says otherwise.
const DefaultLimit = 50

// Options are what is traced.
type Options struct {
	// Functions are names of functions, such as "main.handler" or "main.(*Server).Serve", or
	// regular expressions of which a part of a name matches. A function of exactly that name counts
	// first.
	Functions []string

	// Limit is how many functions may be traced. Default: DefaultLimit.
	Limit int

	// Count ends the trace after so many calls, when their results are there, or 10 seconds later.
	// 0 is no bound.
	Count int

	// Stack is how many callers are read with each call, 0 for none.
	Stack int

	// Began is called with the functions that are traced: from now on no call is missed.
	Began func(functions []string)

	// Tell says what happens, in one line.
	Tell func(line string)
}

// ExitedError says that the program has ended.
type ExitedError struct{ Status int }

func (e *ExitedError) Error() string {
	return fmt.Sprintf("the program has exited with code %d", e.Status)
}

// tracer is one trace.
type tracer struct {
	Options

	addr   string
	client *delverpc.Client
	stood  bool // before the trace
	points map[int]point
	calls  calls

	patience *time.Timer // ends the wait for the last results

	// events are on their way to who takes them, and leftOut counts those that are not.
	events  chan Event
	leftOut int

	// ending is set when the program is to stop for the last time. halting has who stops it, until
	// drained is closed.
	mu      sync.Mutex
	ending  atomic.Bool
	halting sync.WaitGroup
	drained chan struct{}

	optimized, slow bool // were told
	since           time.Time
	stops           int
}

// point is a breakpoint of the trace.
type point struct {
	function string
	result   bool // where the function returns
}

// Run traces functions of the program under the Delve at addr until ctx ends or enough calls were
// seen, and has emit take each event. Then it removes its breakpoints, and the program runs. A
// program that has ended is an [*ExitedError].
func Run(ctx context.Context, addr string, o Options, emit func(Event) error) error {
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	t := &tracer{Options: o, addr: addr, points: map[int]point{}, drained: make(chan struct{}), events: make(chan Event, unread)}
	taken := make(chan error, 1)
	go func() { taken <- t.take(emit) }()
	err := t.begin(ctx)
	if err == nil {
		err = t.follow(ctx)
	}
	close(t.events)
	if t.client != nil {
		t.client.Close()
	}
	var exited *ExitedError
	if !errors.As(err, &exited) { // the program goes on, whatever those do who take its calls
		err = errors.Join(err, t.end(ctx))
	}
	select {
	case takeErr := <-taken:
		err = errors.Join(err, takeErr)
	case <-since(ctx, takeWithin):
	}
	if t.leftOut > 0 {
		t.Tell(fmt.Sprintf("%d calls and returns are not shown: they came faster than they were read", t.leftOut))
	}
	return err
}

// since ends some time after ctx.
func since(ctx context.Context, d time.Duration) <-chan struct{} {
	ended := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(d, func() { close(ended) }) })
	return ended
}

// take has emit take the events. Where it fails, the trace ends.
func (t *tracer) take(emit func(Event) error) (err error) {
	for e := range t.events {
		if err != nil {
			continue
		}
		if err = emit(e); err != nil {
			t.halt()
		}
	}
	return err
}

// begin stops the program and sets the breakpoints.
func (t *tracer) begin(ctx context.Context) error {
	client, before, err := delverpc.Stopped(ctx, t.addr)
	switch {
	case err != nil:
		return err
	case before.Exited:
		return &ExitedError{before.ExitStatus}
	}
	t.client, t.stood = client, !before.Running
	others, err := client.Breakpoints()
	if err != nil {
		return err
	}
	if len(others) > 0 {
		t.Tell(fmt.Sprintf("the debugger has %d breakpoints of another client: the program does not stop at them while it is traced", len(others)))
	}
	functions, err := t.find()
	if err != nil {
		return err
	}
	if err := t.set(functions); err != nil {
		return err
	}
	t.Began(functions)
	return nil
}

// follow has the program go on, and reads why it stops.
func (t *tracer) follow(ctx context.Context) (err error) {
	defer context.AfterFunc(ctx, t.halt)()
	if err := t.client.Within(0); err != nil {
		return err
	}
	var failed error
	for err = t.client.Continue(); err == nil; {
		var a delverpc.Answer
		if a, err = t.client.Receive(); err != nil || t.ending.Load() {
			break
		}
		err = t.client.Continue() // first of all: the program stands still
		var exited *ExitedError
		if failed = t.look(a); errors.As(failed, &exited) {
			break
		} else if failed != nil {
			t.halt()
		}
	}
	if t.patience != nil {
		t.patience.Stop()
	}
	t.mu.Lock()
	t.ending.Store(true)
	t.mu.Unlock()
	close(t.drained)
	t.halting.Wait()
	return errors.Join(err, failed)
}

// look reads what has been called or has returned.
func (t *tracer) look(a delverpc.Answer) error {
	now := time.Now()
	stop, err := a.State()
	switch {
	case err != nil:
		return err
	case stop.Exited:
		return &ExitedError{stop.ExitStatus}
	}
	t.pace(now)
	for _, thread := range stop.Threads {
		if thread.Breakpoint == nil {
			continue
		}
		at, ours := t.points[thread.Breakpoint.ID]
		if !ours {
			continue
		}
		t.warn(thread)
		if event, ok := t.event(now, at, thread); ok {
			select {
			case t.events <- event:
			default:
				t.leftOut++
			}
		}
	}
	switch {
	case !t.enough():
	case t.calls.open() == 0:
		t.halt()
	case t.patience == nil:
		t.patience = time.AfterFunc(resultsWithin, t.halt)
	}
	return nil
}

// enough says that no more calls are to be seen.
func (t *tracer) enough() bool { return t.Count > 0 && t.calls.seen >= t.Count }

// warn says once that the program is not compiled for debugging.
func (t *tracer) warn(thread delverpc.Thread) {
	if t.optimized || thread.Function == nil || !thread.Function.Optimized {
		return
	}
	t.optimized = true
	t.Tell("the program is optimized: a value that it does not keep is shown as " + gone + ", and a call that the compiler has inlined has no result")
}

// pace says once that the program stops very often.
func (t *tracer) pace(now time.Time) {
	if t.stops++; t.since.IsZero() || now.Sub(t.since) > time.Second {
		t.since, t.stops = now, 0
	}
	if t.stops >= many && !t.slow {
		t.slow = true
		t.Tell(fmt.Sprintf("the program stops more than %d times in a second for this trace, which slows it down: name fewer functions, or end it with --count", many))
	}
}

// halt stops the program for the last time. Delve loses a request to halt that arrives while the program
// begins to run: so it is repeated.
func (t *tracer) halt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ending.Swap(true) {
		return
	}
	_ = t.client.Within(endWithin)
	t.halting.Go(func() {
		var asked []*delverpc.Client
		for ended := false; !ended; {
			if c, err := delverpc.Dial(context.Background(), "tcp", t.addr); err == nil {
				asked = append(asked, c)
				_, _ = c.Send("Command", map[string]string{"name": "halt"})
			}
			select {
			case <-t.drained:
				ended = true
			case <-time.After(delverpc.AskEvery):
			}
		}
		// A request that arrives later would stop the program again. All are answered now.
		for _, c := range asked {
			_ = c.Within(delverpc.AnswerWithin)
			_, _ = c.Receive()
			c.Close()
		}
	})
}

// end removes the breakpoints, and has the program go on. One that stood still before, and was not
// traced, is left there.
func (t *tracer) end(ctx context.Context) error {
	if t.stood && len(t.points) == 0 {
		return nil
	}
	return delverpc.Release(context.WithoutCancel(ctx), t.addr,
		func(id int) bool { _, ours := t.points[id]; return ours },
		func(delverpc.State) bool { return false })
}
