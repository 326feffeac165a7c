// Command report tells on its standard output, one JSON object a line, how it was
// started and which signals reach it. What it does then is the action of
// REPORT_THEN, "serve" without it; see act.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
)

// exitTerminated tells an ordered end from every other.
const exitTerminated = 7

func main() {
	start := newReport()
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	signal.Reset(syscall.SIGURG, syscall.SIGCHLD)
	if err := print(start); err != nil {
		log.Fatal(err)
	}
	then := os.Getenv("REPORT_THEN")
	if len(os.Args) > 1 && os.Args[1] == "again" { // after "exec"
		then = "exit:5"
	}
	if then == "" {
		then = "serve"
	}
	if then == "serve" {
		go serve()
	} else {
		go act(then)
	}
	for s := range signals {
		received(s)
	}
}

// received reports a signal, and ends the program where it asks for that.
func received(s os.Signal) {
	if err := print(map[string]string{"signal": s.String()}); err != nil {
		log.Fatal(err)
	}
	if s == syscall.SIGTERM {
		os.Exit(exitTerminated)
	}
}

// serve answers on port 12345: a greeting, and at /then?ACTION what the program
// does next.
func serve() {
	http.HandleFunc("/", handler)
	http.HandleFunc("/then", func(_ http.ResponseWriter, r *http.Request) {
		then, err := url.QueryUnescape(r.URL.RawQuery)
		if err != nil {
			log.Print(err)
			return
		}
		go act(then) // a server recovers from panics of its own goroutines
	})
	log.Fatal(http.ListenAndServe(":12345", nil))
}

func handler(w http.ResponseWriter, r *http.Request) {
	greeting := fmt.Sprintf("Hello, %s!", r.URL.Query().Get("name"))
	fmt.Fprintln(w, greeting)
}

func print(v any) error {
	return json.NewEncoder(os.Stdout).Encode(v)
}
