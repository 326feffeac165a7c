package toolchain

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

// holderVar names the build cache in which a test program takes a turn, and keeps it.
const holderVar = "TURN_TEST_CACHE"

func TestMain(m *testing.M) {
	if cache := os.Getenv(holderVar); cache != "" {
		turns, err := TurnsOf(step.Step{GoCache: cache})
		if err == nil {
			_, err = turns.Take(context.Background(), "key")
		}
		fmt.Println("taken", err)
		select {}
	}
	os.Exit(m.Run())
}

// TestATurnEndsWithWhoeverHasIt has a process die that has one.
func TestATurnEndsWithWhoeverHasIt(t *testing.T) {
	ctx := proctest.Context(t)
	cache := t.TempDir()
	holder := exec.CommandContext(ctx, os.Args[0])
	holder.Env = append(os.Environ(), holderVar+"="+cache)
	out, err := holder.StdoutPipe()
	if err := errors.Join(err, holder.Start()); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "taken <nil>\n" {
		t.Fatalf("%q, %v", line, err)
	}
	turns, err := TurnsOf(step.Step{GoCache: cache})
	if err != nil {
		t.Fatal(err)
	}
	end, err := turns.Take(ctx, "another key")
	if err != nil {
		t.Fatal(err)
	}
	end()
	over, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if _, err := turns.Take(over, "key"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("took a turn that another has: %v", err)
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait()
	// The wait that was given up may get the turn first, and lets it go.
	if end, err = turns.Take(ctx, "key"); err != nil {
		t.Fatal(err)
	}
	end()
}

// TestACallIsSeenForAWhile looks at marks, also of another user.
func TestACallIsSeenForAWhile(t *testing.T) {
	cache := t.TempDir()
	turns, err := TurnsOf(step.Step{GoCache: cache})
	if err != nil {
		t.Fatal(err)
	}
	if turns.Seen("a") {
		t.Error("a call was seen that was not")
	}
	turns.MarkSeen("a")
	if !turns.Seen("a") || turns.Seen("b") {
		t.Error("the marked call was not seen, or another was")
	}
	old := time.Now().Add(-2 * seenLimit)
	if err := os.Chtimes(turns.file("seen", "a"), old, old); err != nil {
		t.Fatal(err)
	}
	if turns.Seen("a") {
		t.Error("a call was seen whose packages the go command may have deleted")
	}
	turns.MarkSeen("a")
	if !turns.Seen("a") {
		t.Error("the call was not marked again")
	}
	if _, err := TurnsOf(step.Step{GoCache: cache + "/missing"}); err == nil {
		t.Error("there are turns without a cache")
	}
}
