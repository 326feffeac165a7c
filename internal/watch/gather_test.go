package watch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// gathered runs gather beside hints, and has the batches with the times at which they came.
func gathered(t *testing.T, hints func(chan<- hint)) (batches []batch, at []time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		in, done, begun := make(chan hint), make(chan error), time.Now()
		go func() {
			done <- gather(ctx, in, func(b batch) error {
				batches, at = append(batches, b), append(at, time.Since(begun))
				return nil
			})
		}()
		hints(in)
		time.Sleep(time.Hour)
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return batches, at
}

func TestHintsThatComeCloseTogetherAreOneBatch(t *testing.T) {
	batches, at := gathered(t, func(in chan<- hint) {
		in <- hint{path: "a"}
		time.Sleep(quietFor - time.Millisecond)
		in <- hint{path: "b"}
		in <- hint{path: "a", written: true}
		in <- hint{path: "a"}
		time.Sleep(quietFor + time.Millisecond)
		in <- hint{path: "c"}
	})
	if len(batches) != 2 || len(batches[0]) != 2 || !batches[0]["a"] || batches[0]["b"] || len(batches[1]) != 1 {
		t.Errorf("gathered %v", batches)
	}
	if at[0] != 2*quietFor-time.Millisecond || at[1] != at[0]+quietFor+time.Millisecond {
		t.Errorf("the batches came after %v", at)
	}
}

func TestHintsThatDoNotStopAreHandedOver(t *testing.T) {
	batches, at := gathered(t, func(in chan<- hint) {
		for range 5 * gatherWithin / quietFor {
			in <- hint{path: "log", written: true}
			time.Sleep(quietFor / 2)
		}
	})
	if len(batches) != 3 || at[0] != gatherWithin {
		t.Errorf("%d batches came after %v", len(batches), at)
	}
}

func TestAnErrorEndsTheGathering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, want := make(chan hint, 1), errors.New("the folder is gone")
		in <- hint{path: "a"}
		if err := gather(t.Context(), in, func(batch) error { return want }); !errors.Is(err, want) {
			t.Errorf("it ends with %v", err)
		}
	})
}
