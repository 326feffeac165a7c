// Guarded is a service with an embedded file and a file that is secret.
package main

import (
	_ "embed"
	"fmt"
	"net/http"
	"os"
)

//go:embed private.txt
var private string

var license string

func main() {
	fmt.Println(os.Getenv("GREETING"), len(private), len(license), len(secret))
	http.HandleFunc("/", handler)
	if err := http.ListenAndServe(":12345", nil); err != nil {
		panic(err)
	}
}

func handler(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, "hello", r.URL.Query().Get("name"))
}
