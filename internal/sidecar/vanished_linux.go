package sidecar

import (
	"net"
	"syscall"
	"time"
)

// vanishedAfter is how long nothing may come from a client's machine.
const vanishedAfter = 3 * time.Minute

// tcpUserTimeout is TCP_USER_TIMEOUT (linux/tcp.h).
const tcpUserTimeout = 18

// vanishes has a connection end when the client's machine does not answer: Go's keep-alive notices
// only one that it has sent nothing to meanwhile, such as that the program has stopped.
func vanishes(client net.Conn) {
	tcp, ok := client.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(vanishedAfter/time.Millisecond))
	})
}
