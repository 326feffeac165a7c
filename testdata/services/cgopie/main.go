// Command cgopie adds two numbers in C and says the sum over HTTP.
package main

// static int add(int a, int b) { return a + b; }
import "C"

import (
	"fmt"
	"log"
	"net/http"
)

func handler(w http.ResponseWriter, _ *http.Request) {
	sum := int(C.add(40, 2))
	fmt.Fprintln(w, "sum", sum)
}

func main() {
	http.HandleFunc("/", handler)
	log.Fatal(http.ListenAndServe(":12345", nil))
}
