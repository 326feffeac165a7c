// Command small is compiled where only paths are compared: without net/http that takes
// a third of the time.
package main

func main() { println("small") }
