package proctest

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
)

// addresses counts the loopback addresses given out.
var addresses atomic.Int32

// FreeAddress is a free loopback address and port. The address is nobody else's, since
// tests and test programs run in parallel; the port is none that the kernel gives to
// clients, or one that dials before the server listens might take it, and even reach itself.
func FreeAddress(t testing.TB) string {
	t.Helper()
	pid := os.Getpid()
	for range 100 {
		n := int(addresses.Add(1))
		address := fmt.Sprintf("127.%d.%d.%d:%d", 1+pid%250, n/250, 1+n%250, 20000+1000*(pid/250%10)+n)
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no free address on the loopback interface")
	return ""
}
