// Package patience bounds how long dlvgen waits for those that may never answer, and
// tells the user whom it waits for.
package patience

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// What a Patience does whose fields are zero.
const (
	DefaultLimit  = 30 * time.Second
	DefaultNotice = time.Second
)

// Patience is how long is waited for one sign of life. It may be used by several
// goroutines.
type Patience struct {
	// Limit ends a wait: the default is DefaultLimit.
	Limit time.Duration

	// Notice is how long a wait lasts that need not be told: the default is DefaultNotice.
	Notice time.Duration

	// Tell, where not nil, is told in one line whom is waited for.
	Tell func(line string)

	mu   sync.Mutex
	told map[string]bool // who was named, and has not answered since
}

// SilentError says who gave no sign of life.
type SilentError struct {
	Who   string
	After time.Duration
}

func (e *SilentError) Error() string { return fmt.Sprintf("%s did not answer for %s", e.Who, e.After) }

// Timeout makes it an error of the kind that net.Error describes.
func (e *SilentError) Timeout() bool { return true }

// Temporary says that it is no use to try again at once: the wait was long enough.
func (e *SilentError) Temporary() bool { return false }

// Ask waits for the end of one question. The context that the question gets ends when
// the patience does; the error is a [*SilentError] then.
func (p *Patience) Ask(ctx context.Context, who string, question func(context.Context) error) error {
	ctx, wait := p.Begin(ctx, who)
	defer wait.End()
	return wait.Explain(question(ctx))
}

// Wait is a wait for several signs of life, one after the other.
type Wait struct {
	patience *Patience
	who      string
	cancel   context.CancelCauseFunc
	limit    *time.Timer
	notice   *time.Timer
	silent   *SilentError
	ctx      context.Context
}

// Begin begins to wait. The context that it returns ends with a [*SilentError] as its
// cause when the patience does, and after [Wait.End].
func (p *Patience) Begin(ctx context.Context, who string) (context.Context, *Wait) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &Wait{patience: p, who: who, cancel: cancel, ctx: ctx, silent: &SilentError{Who: who, After: p.limit()}}
	w.limit = time.AfterFunc(p.limit(), func() { cancel(w.silent) })
	w.notice = time.AfterFunc(p.notice(), func() { p.tell(who) })
	return ctx, w
}

// Pause stops the clock: somebody has answered, or nobody is waited for.
func (w *Wait) Pause() {
	w.limit.Stop()
	w.notice.Stop()
	w.patience.answered(w.who)
}

// Resume starts the clock anew after Pause.
func (w *Wait) Resume() {
	w.limit.Reset(w.silent.After)
	w.notice.Reset(w.patience.notice())
}

// End ends the wait and what goes on in its context.
func (w *Wait) End() {
	w.limit.Stop()
	w.notice.Stop()
	w.cancel(context.Canceled)
}

// Explain is the reason of an error: the silence, if that is why the context ended.
func (w *Wait) Explain(err error) error {
	if err != nil && errors.Is(context.Cause(w.ctx), w.silent) {
		return w.silent
	}
	return err
}

// Rest waits before something is tried again, and tells why where that takes longer than
// Notice. It ends with the context.
func (p *Patience) Rest(ctx context.Context, d time.Duration, why string) error {
	if p.Tell != nil && d >= p.notice() {
		p.Tell(fmt.Sprintf("%s: trying again in %s", why, d.Round(time.Second)))
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Most is how long one wait may last.
func (p *Patience) Most() time.Duration { return p.limit() }

func (p *Patience) limit() time.Duration {
	if p.Limit == 0 {
		return DefaultLimit
	}
	return p.Limit
}

func (p *Patience) notice() time.Duration {
	if p.Notice == 0 {
		return DefaultNotice
	}
	return p.Notice
}

// tell names once whom is waited for, until they answer.
func (p *Patience) tell(who string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Tell == nil || p.told[who] {
		return
	}
	if p.told == nil {
		p.told = map[string]bool{}
	}
	p.told[who] = true
	p.Tell("waiting for " + who)
}

func (p *Patience) answered(who string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.told, who)
}
