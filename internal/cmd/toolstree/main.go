// Command toolstree makes the tree of tools that dlvgen ships, and packs it. Run it in the
// repository's root:
//
//	go run ./internal/cmd/toolstree -o internal/tools/tree -pack internal/tools/packed
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/dlvgen/dlvgen/internal/toolstree"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "toolstree:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, log io.Writer) error {
	flags := flag.NewFlagSet("toolstree", flag.ContinueOnError)
	dir := flags.String("o", "internal/tools/tree", "the `folder` of the tree")
	packed := flags.String("pack", "", "the `folder` that all of the tree is packed into (default: none)")
	platforms := flags.String("platform", "linux/amd64,linux/arm64", "comma-separated `platforms`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o := toolstree.Options{Repo: ".", Dir: *dir, Packed: *packed, Log: log}
	for text := range strings.SplitSeq(*platforms, ",") {
		p, err := toolstree.ParsePlatform(text)
		if err != nil {
			return err
		}
		o.Platforms = append(o.Platforms, p)
	}
	return toolstree.Build(ctx, o)
}
