// Command makefile says its version over HTTP. Its flags are in the Makefile.
package main

import (
	"fmt"
	"log"
	"net/http"
)

var version = "none"

func handler(w http.ResponseWriter, _ *http.Request) {
	answer := "version " + version
	fmt.Fprintln(w, answer)
}

func main() {
	http.HandleFunc("/", handler)
	log.Fatal(http.ListenAndServe(":12345", nil))
}
