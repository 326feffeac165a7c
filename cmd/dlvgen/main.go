// Command dlvgen derives debug variants of container images from their production
// Dockerfiles.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The second interrupt ends dlvgen at once.
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Main(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr))
}
