package testenv

import (
	"os"
	"path/filepath"
	"testing"
)

// Service copies testdata/services/NAME to a folder of the test's own, which it
// may edit, and returns the folder.
func Service(t testing.TB, name string) string {
	t.Helper()
	root, err := RepoRoot()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "testdata", "services", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// SmallService is the service hello with a program that compiles in a tenth of the time,
// for tests whose builder has no cache.
func SmallService(t testing.TB) string {
	t.Helper()
	dir := Service(t, "hello")
	const program = "package main\n\nimport \"time\"\n\nfunc main() {\n\tfor {\n\t\ttime.Sleep(time.Second)\n\t}\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// PlainService is the service hello, with a program that speaks HTTP without net/http: it
// compiles in a third of the time. It is for tests that ask it for a page, or that make many
// programs, and whose builder or toolchain may have nothing of the standard library compiled.
// It compiles with Go 1.16 too.
func PlainService(t testing.TB) string {
	t.Helper()
	dir := Service(t, "hello")
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(plainProgram), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

const plainProgram = `package main

import (
	"bufio"
	"flag"
	"io"
	"net"
	"os"
	"strings"
)

type request struct{ line string }

// value is that of the query's name.
func (r *request) value() string {
	_, value, _ := cut(r.line, "name=")
	value, _, _ = cut(value, " ")
	return value
}

func cut(s, at string) (before, after string, found bool) {
	if i := strings.Index(s, at); i >= 0 {
		return s[:i], s[i+len(at):], true
	}
	return s, "", false
}

func handler(w io.Writer, r *request) {
	name := r.value()
	if name == "" {
		name = "world"
	}
	greeting := "Hello, " + name + "!\n"
	io.WriteString(w, greeting)
}

func serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	first, err := in.ReadString('\n')
	for line := first; err == nil && strings.TrimSpace(line) != ""; {
		line, err = in.ReadString('\n')
	}
	if err != nil {
		return
	}
	io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n")
	handler(conn, &request{first})
}

func main() {
	flag.Parse()
	listener, err := net.Listen("tcp", ":12345")
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			os.Exit(1)
		}
		go serve(conn)
	}
}
`
