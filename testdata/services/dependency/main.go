// Command dependency names its requests with a third-party module.
package main

import (
	"fmt"
	"log"
	"net/http"

	"github.com/google/uuid"
)

func handler(w http.ResponseWriter, _ *http.Request) {
	id := uuid.NewSHA1(uuid.NameSpaceDNS, []byte("example.com"))
	fmt.Fprintln(w, "id", id)
}

func main() {
	http.HandleFunc("/", handler)
	log.Fatal(http.ListenAndServe(":12345", nil))
}
