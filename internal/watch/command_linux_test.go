package watch

import (
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

func TestACommandOfTheShell(t *testing.T) {
	var out proctest.Output
	c, err := Start(`echo "$DLVGEN_TAGS" | tr a-z A-Z; echo failed >&2; read -r line || echo no input; exit 3`, []string{"DLVGEN_TAGS=app:v1"}, &out)
	if err != nil {
		t.Fatal(err)
	}
	<-c.Ended()
	if err := c.Err(); err == nil || !strings.HasSuffix(err.Error(), "has failed with exit code 3") {
		t.Errorf("the error is %v", err)
	}
	if got := out.String(); got != "APP:V1\nfailed\nno input\n" {
		t.Errorf("it printed %q", got)
	}
	c.Stop()
}

// TestACommandIsToldToEnd has one with a child, which gets the signal too.
func TestACommandIsToldToEnd(t *testing.T) {
	var out proctest.Output
	c, err := Start(`sh -c 'trap "echo child; exit" TERM; echo ready; while :; do sleep 0.05; done' & trap 'wait; echo parent; exit 0' TERM; wait`, nil, &out)
	if err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(out.String(), "ready") {
		select {
		case <-c.Ended():
			t.Fatalf("it has ended: %v %s", c.Err(), out.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	c.Stop()
	// Shells may add that they were signalled.
	if got := out.String(); !strings.Contains(got, "child\n") || !strings.HasSuffix(got, "parent\n") || c.Err() != nil {
		t.Errorf("it printed %q, and ended with %v", got, c.Err())
	}
}
