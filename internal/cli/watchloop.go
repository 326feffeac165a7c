package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/watch"
)

// mostCancels is how many builds in a row are cancelled because files have changed. The next one
// goes on: something may change all the time.
const mostCancels = 3

// watching is one call of `dlvgen watch`.
type watching struct {
	streams
	flags *watchFlags
	args  []string

	// next is the request of the next build, nil where it must be read again.
	next *bake.Request

	inputs  watch.Inputs
	watcher *watcher
	told    map[string]bool // warnings

	command *watch.Command // that runs, or has ended
	runs    string         // the images that it was started for, "" for none
	clients *clientsOf     // nil without --port
}

// watcher is a [watch.Watcher] that runs.
type watcher struct {
	*watch.Watcher
	end func()
	err chan error // why it has ended by itself
}

// open watches what the next build reads, if that is not watched.
func (w *watching) open(ctx context.Context, in watch.Inputs) error {
	if w.watcher != nil && reflect.DeepEqual(in, w.inputs) {
		return nil
	}
	opened, err := watch.Open(in)
	if err != nil {
		return err
	}
	w.unwatch()
	ctx, cancel := context.WithCancel(ctx)
	one := &watcher{Watcher: opened, err: make(chan error, 1)}
	var running sync.WaitGroup
	running.Go(func() {
		if err := opened.Run(ctx); ctx.Err() == nil {
			one.err <- err
		}
	})
	one.end = func() { cancel(); running.Wait() }
	w.watcher, w.inputs = one, in
	return nil
}

func (w *watching) unwatch() {
	if w.watcher != nil {
		w.watcher.end()
		w.watcher = nil
	}
}

// close ends what runs.
func (w *watching) close() {
	if w.command != nil {
		w.command.Stop()
	}
	w.unwatch()
}

// loop builds, and builds again after each change.
func (w *watching) loop(ctx context.Context) error {
	w.told = map[string]bool{}
	for cancels := 0; ; {
		results, changed, err := w.build(ctx, cancels < mostCancels)
		var over *watchError
		switch {
		case ctx.Err() != nil:
			return cmp.Or(err, ctx.Err())
		case errors.As(err, &over):
			return over.error
		case err != nil && changed.cancelled:
			cancels++
			continue
		case err != nil:
			printError(w.messages(), err)
		default:
			if err := w.replace(ctx, results); err != nil {
				return err
			}
		}
		cancels = 0
		if changed.during {
			continue
		}
		w.tell("watching for changes, Ctrl-C ends it")
		if err := w.await(ctx); err != nil {
			return err
		}
	}
}

// meanwhile is what has happened during a build.
type meanwhile struct {
	during    bool // files have changed
	cancelled bool // the build was, therefore
}

// watchError says that watching is over.
type watchError struct{ error }

// attempt is one build, which ends early when files change. It does not once tags are moved.
type attempt struct {
	cancel context.CancelFunc

	mu             sync.Mutex
	stale, publish bool
}

// giveUp cancels the build, if that leaves nothing half done.
func (a *attempt) giveUp() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.publish {
		return false
	}
	a.stale = true
	a.cancel()
	return true
}

// publishes is called before tags are moved.
func (a *attempt) publishes() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stale {
		return context.Canceled
	}
	a.publish = true
	return nil
}

// build builds once. When files change meanwhile, the build is cancelled if mayCancel, and if no
// tag was moved yet.
func (w *watching) build(ctx context.Context, mayCancel bool) (results []*bake.Result, changed meanwhile, err error) {
	r, in := w.next, w.inputs
	w.next = nil
	if r == nil {
		if r, in, err = w.request(); err != nil {
			return nil, changed, err
		}
	}
	if err := w.open(ctx, in); err != nil {
		return nil, changed, &watchError{err}
	}
	building, cancel := context.WithCancel(ctx)
	defer cancel()
	a := &attempt{cancel: cancel}
	r.BeforeMove(a.publishes)
	s := w.forBuild()
	s.Tell = w.tellOnce
	done := make(chan struct{})
	go func() {
		defer close(done)
		results, err = r.Build(building, s)
	}()
	for {
		select {
		case <-done:
			if err == nil {
				err = w.report(&w.flags.buildFlags, r, results)
			}
			return results, changed, err
		case names := <-w.watcher.Changes():
			w.tellChanged(names)
			changed.during = true
			if mayCancel && !changed.cancelled && a.giveUp() {
				w.tell("the build is cancelled, and begins again")
				changed.cancelled = true
			}
		case failed := <-w.watcher.err:
			cancel()
			<-done
			return nil, changed, &watchError{failed}
		case <-w.ended():
			w.commandEnded()
		}
	}
}

// await returns when something has changed.
func (w *watching) await(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-w.watcher.err:
			return err
		case names := <-w.watcher.Changes():
			w.tellChanged(names)
			return nil
		case <-w.ended():
			w.commandEnded()
		}
	}
}

// replace runs the command for new images.
func (w *watching) replace(ctx context.Context, results []*bake.Result) error {
	if w.flags.command == "" {
		return nil
	}
	select {
	case <-w.ended():
		w.commandEnded()
	default:
	}
	images := digests(results)
	if images != "" && images == w.runs {
		w.tell("the image is the same as before: nothing is replaced")
		return nil
	}
	if w.command != nil {
		w.command.Stop()
		w.command = nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return w.start(ctx, results)
}

// start starts the command.
func (w *watching) start(ctx context.Context, results []*bake.Result) (err error) {
	var before map[string]bool
	if w.clients != nil {
		if before, err = w.clients.hold(ctx); err != nil {
			return err
		}
	}
	w.tell("running " + w.flags.command)
	if w.command, err = watch.Start(w.flags.command, variables(results), w.err); err != nil {
		return err
	}
	if w.clients != nil {
		w.clients.expect(results, before, w.command.Ended())
	}
	w.runs = digests(results)
	return nil
}

// ended is closed when a command has ended of which it was not told yet.
func (w *watching) ended() <-chan struct{} {
	if w.command == nil {
		return nil
	}
	return w.command.Ended()
}

// commandEnded tells of a command that has failed. It runs again after the next build.
func (w *watching) commandEnded() {
	err := w.command.Err()
	w.command = nil
	if err == nil {
		return
	}
	w.tell(err.Error() + ": it runs again after the next change")
	w.runs = ""
	if w.clients != nil {
		w.clients.proxy.Release()
	}
}

// tellOnce says what a build has to say, and a warning once.
func (w *watching) tellOnce(line string) {
	if strings.HasPrefix(line, "warning: ") {
		if w.told[line] {
			return
		}
		w.told[line] = true
	}
	w.tell(line)
}

// tellChanged names what has changed, not all of many.
func (w *watching) tellChanged(names []string) {
	const most = 3
	more := ""
	if len(names) > most {
		names, more = names[:most], fmt.Sprintf(" and %d more", len(names)-most)
	}
	w.tell("changed: " + strings.Join(names, ", ") + more)
}
