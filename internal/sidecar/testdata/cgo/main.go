// Cgo is a program with shared libraries.
package main

// int one(void) { return 1; }
import "C"

import (
	"fmt"
	"time"
)

//go:noinline
func work(n int) int {
	return n + int(C.one()) // the line
}

func main() {
	for n := 0; ; n = work(n) {
		fmt.Println(n)
		time.Sleep(10 * time.Millisecond)
	}
}
