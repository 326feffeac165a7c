// Command demo is the tutorial: it derives debug images from the production
// Dockerfile of testdata/services/hello, pushes them to a registry that it starts,
// runs one and stops at a breakpoint in it, and stops at one in production's own
// container through the sidecar. `make demo` runs it.
package main

import (
	"context"
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
	if err := play(); err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		os.Exit(1)
	}
}

func play() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return run(ctx, os.Stdout)
}
