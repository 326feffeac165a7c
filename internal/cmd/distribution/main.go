//go:build distribution

// Command distribution is the registry of CNCF Distribution 3, for tests: its handlers, with a
// folder for storage and tokens for authentication. Its own command has the drivers of all
// clouds too, which take minutes to compile. The build tag keeps it out of `./...`.
//
//	distribution CONFIG.yml
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/distribution/distribution/v3/configuration"
	_ "github.com/distribution/distribution/v3/registry/auth/token"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: distribution CONFIG.yml")
		os.Exit(2)
	}
	if err := serve(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "distribution:", err)
		os.Exit(1)
	}
}

func serve(file string) error {
	text, err := os.Open(file)
	if err != nil {
		return err
	}
	config, err := configuration.Parse(text)
	if err != nil {
		return err
	}
	app := handlers.NewApp(context.Background(), config)
	listener, err := net.Listen("tcp", config.HTTP.Addr)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "listening on", listener.Addr())
	return http.Serve(listener, app)
}
