// Command record records the session that README.md shows: a container of a production
// image, `dlvgen debug` on it, and a breakpoint in the running program. All of it happens, in
// daemons of its own. `make docs` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// limit is how long all of it may take. The first time on a machine, base images
// are made and programs built.
const limit = 20 * time.Minute

func main() {
	out := flag.String("o", "docs/session.cast", "file that the recording is written to, in the format asciicast v2")
	flag.Parse()
	if err := play(*out); err != nil {
		fmt.Fprintf(os.Stderr, "record: %v\n", err)
		os.Exit(1)
	}
}

func play(out string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cast, err := record(ctx)
	if err != nil {
		return err
	}
	return os.WriteFile(out, cast, 0o644)
}
