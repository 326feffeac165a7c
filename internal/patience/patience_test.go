package patience

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSilenceEndsAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		p := &Patience{Tell: func(line string) { told = append(told, line) }}
		begun := time.Now()
		err := p.Ask(t.Context(), "registry.example", func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		var silent *SilentError
		if !errors.As(err, &silent) || err.Error() != "registry.example did not answer for 30s" {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		if waited := time.Since(begun); waited != DefaultLimit {
			t.Errorf("waited for %s", waited)
		}
		if diff := cmp.Diff([]string{"waiting for registry.example"}, told); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnAnswerInTimeIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Patience{Tell: func(line string) { t.Errorf("told %q", line) }}
		failed := errors.New("no such image")
		err := p.Ask(t.Context(), "registry.example", func(context.Context) error {
			time.Sleep(DefaultNotice / 2)
			return failed
		})
		if !errors.Is(err, failed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestEverySignOfLifeStartsTheClockAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Int32
		p := &Patience{Tell: func(string) { told.Add(1) }}
		ctx, wait := p.Begin(t.Context(), "registry.example")
		defer wait.End()
		for range 4 {
			time.Sleep(DefaultLimit - time.Second)
			wait.Pause()
			time.Sleep(DefaultLimit + time.Second) // nobody is waited for
			wait.Resume()
		}
		if err := context.Cause(ctx); err != nil || told.Load() != 4 {
			t.Errorf("ended: %v, told %d times", err, told.Load())
		}
		time.Sleep(DefaultLimit + time.Second)
		var silent *SilentError
		if err := wait.Explain(ctx.Err()); !errors.As(err, &silent) {
			t.Errorf("got %v", err)
		}
	})
}

func TestSeveralWaitsForOneAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Int32
		p := &Patience{Tell: func(string) { told.Add(1) }}
		var waits []*Wait
		for range 3 {
			_, wait := p.Begin(t.Context(), "registry.example")
			waits = append(waits, wait)
		}
		time.Sleep(2 * DefaultNotice)
		for _, wait := range waits {
			wait.End()
		}
		if told.Load() != 1 {
			t.Errorf("told %d times", told.Load())
		}
	})
}

func TestAnInterruptIsNoSilence(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := (&Patience{}).Ask(ctx, "registry.example", func(ctx context.Context) error { return ctx.Err() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
