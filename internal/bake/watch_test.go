package bake

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/buildkit"
	"github.com/dlvgen/dlvgen/internal/buildkit/builders"
	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/moby/buildkit/client"
)

// TestTheBuildsOfASilentNodeAreEnded has a node that takes connections and never answers, and
// a call to it that would wait for ever.
func TestTheBuildsOfASilentNodeAreEnded(t *testing.T) {
	for name, interrupt := range map[string]bool{"the user waits": false, "the user interrupts": true} {
		t.Run(name, func(t *testing.T) {
			ctx := proctest.Context(t)
			c, err := client.New(ctx, "unix://"+proctest.Silent(t, "unix", filepath.Join(t.TempDir(), "s"), nil))
			if err != nil {
				t.Fatal(err)
			}
			n := &node{Node: &builders.Node{Connection: &buildkit.Connection{Client: c}, Name: "arm0", Who: "node arm0"}}
			builds, cancel := context.WithCancel(ctx)
			defer cancel()
			told := make(chan string, 1)
			w := &watch{every: time.Millisecond, tries: 2, waits: &patience.Patience{Limit: 10 * time.Millisecond, Notice: time.Millisecond, Tell: func(line string) { told <- line }}}
			if interrupt {
				w.waits.Limit = time.Hour
			}
			stop := n.watchBy(builds, w)
			if line := <-told; line != "waiting for node arm0" {
				t.Errorf("the user is told %q", line)
			}
			if interrupt {
				cancel()
			}
			if err := n.answers(ctx); err == nil || ctx.Err() != nil { // as a build on it
				t.Errorf("the call ends with %v", err)
			}
			var silent *patience.SilentError
			if err := stop(); !errors.As(err, &silent) || !strings.HasPrefix(err.Error(), "node arm0 stopped answering during the build, and no tag was moved: ") {
				t.Errorf("got %v", err)
			}
		})
	}
}
