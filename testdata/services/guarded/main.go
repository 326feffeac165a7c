// Guarded is a program with an embedded file and a file that is secret.
package main

import (
	_ "embed"
	"fmt"
	"os"
)

//go:embed private.txt
var private string

var license string

func main() {
	fmt.Println(os.Getenv("GREETING"), len(private), len(license), len(secret))
}
