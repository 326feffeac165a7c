// Command prebuilt is compiled before its image is: the Dockerfile copies bin/server.
package main

import (
	"fmt"
	"log"
	"net/http"
)

func handler(w http.ResponseWriter, _ *http.Request) {
	answer := "built elsewhere"
	fmt.Fprintln(w, answer)
}

func main() {
	http.HandleFunc("/", handler)
	log.Fatal(http.ListenAndServe(":12345", nil))
}
