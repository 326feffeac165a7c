package proctest

import (
	"testing"
	"time"

	"github.com/go-delve/delve/service/rpc2"
)

// AwaitRunning waits until a debugger that lets the program run as soon as it has
// attached has done so. Delve 1.27.2 answers a question for the state that comes in
// the middle of that at the next stop only (Debugger.State waits for the lock that
// Debugger.Command holds), so it is asked again.
func AwaitRunning(t *testing.T, client *rpc2.RPCClient, within time.Duration) {
	t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		running := make(chan bool, 1)
		go func() {
			state, err := client.GetStateNonBlocking()
			running <- err == nil && state.Running
		}()
		select {
		case yes := <-running:
			if yes {
				return
			}
		case <-time.After(time.Second):
		}
	}
	t.Fatalf("the program does not run under the debugger after %v", within)
}
