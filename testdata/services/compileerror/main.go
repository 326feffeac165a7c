// Command compileerror does not compile.
package main

func main() {
	var port int = "12345"
	println(port)
}
