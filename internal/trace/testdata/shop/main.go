// Command shop has functions of all kinds, which are called for each request.
package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
)

type order struct {
	Item  string
	Count int
	Notes []string
}

type shop struct{ name string }

var errNone = errors.New("nothing is ordered")

//go:noinline
func price(item string, count int) (total int, err error) {
	defer func() { total *= 2 }()
	if count == 0 {
		return 0, errNone
	}
	return len(item) * count, nil
}

// half is inlined where the program is optimized.
func half(total int) int { return total / 2 }

//go:noinline
func (s *shop) sell(o order, rebates map[string]int, any any) string {
	total, err := price(o.Item, o.Count)
	if err != nil {
		return "error: " + err.Error()
	}
	return fmt.Sprint(half(total), " for ", o.Item)
}

//go:noinline
func countdown(n int) int {
	if n == 0 {
		return 0
	}
	return countdown(n-1) + 1
}

//go:noinline
func fails(text string) {
	panic(text)
}

//go:noinline
func recovers(text string) (result string) {
	defer func() { result = fmt.Sprint("recovered ", recover()) }()
	fails(text)
	return "not reached"
}

func (s *shop) handle(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/exit":
		code, _ := strconv.Atoi(r.URL.RawQuery)
		os.Exit(code)
	case "/panic":
		fmt.Fprint(w, recovers("at "+s.name))
	case "/count":
		n, _ := strconv.Atoi(r.URL.RawQuery)
		fmt.Fprint(w, countdown(n))
	default:
		item, count := strings.TrimPrefix(r.URL.Path, "/"), 0
		count, _ = strconv.Atoi(r.URL.RawQuery)
		fmt.Fprint(w, s.sell(order{item, count, []string{"a", "b"}}, map[string]int{"x": 1}, count))
	}
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	panic(http.Serve(l, http.HandlerFunc((&shop{"corner"}).handle)))
}
