package proctest

import (
	"context"
	"testing"
	"time"
)

// Limit ends what waits in vain. It is no measure of speed: no test takes a third of it on
// two cores, and the machine may have other work.
const Limit = 15 * time.Minute

// Context is the test's context, which ends after Limit at the latest. t.Context alone
// ends after the test: what waits for it in vain waits until the time of all tests is up.
func Context(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Limit)
	t.Cleanup(cancel)
	return ctx
}
