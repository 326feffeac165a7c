//go:build linux

// Command dlvgen-go stands for the go command in instrumented compile steps. It
// is mounted over the real one; see the package shim.
package main

import (
	"context"
	"os"

	"github.com/dlvgen/dlvgen/internal/shim"
)

func main() {
	os.Exit(shim.Main(context.Background(), os.Args))
}
