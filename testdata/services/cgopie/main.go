// Command cgopie adds two numbers in C and says the sum over HTTP. No cache of a builder has
// packages for position-independent programs, so it does without net/http.
package main

// static int add(int a, int b) { return a + b; }
import "C"

import (
	"bufio"
	"io"
	"log"
	"net"
	"strconv"
	"strings"
)

func handler(w io.Writer) {
	sum := int(C.add(40, 2))
	io.WriteString(w, "sum "+strconv.Itoa(sum)+"\n")
}

// serve answers one request, whatever it asks for.
func serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for line := "GET"; strings.TrimSpace(line) != ""; {
		var err error
		if line, err = in.ReadString('\n'); err != nil {
			return
		}
	}
	io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n")
	handler(conn)
}

func main() {
	listener, err := net.Listen("tcp", ":12345")
	if err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(conn)
	}
}
