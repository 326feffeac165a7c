// Command hello greets whoever asks.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

// exitTerminated tells an ordered end from every other.
const exitTerminated = 7

func handler(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	if name == "" {
		name = "world"
	}
	greeting := fmt.Sprintf("Hello, %s!", name)
	fmt.Fprintln(w, greeting)
}

func main() {
	addr := flag.String("addr", ":12345", "the address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()

	http.HandleFunc("/", handler)
	server := &http.Server{Addr: *addr}
	go func() {
		if err := server.ListenAndServe(); err != http.ErrServerClosed {
			log.Fatal(err)
		}
	}()
	fmt.Println("listening on", *addr)
	<-ctx.Done()

	fmt.Println("shutting down")
	if err := server.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
	os.Exit(exitTerminated)
}
