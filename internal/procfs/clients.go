package procfs

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// tcpEstablished is the state of a connection that neither side has closed
// (include/net/tcp_states.h), as /proc/net/tcp prints it.
const tcpEstablished = "01"

// unixConnected is SS_CONNECTED as /proc/net/unix prints it.
const unixConnected = "03"

// Clients counts the connections to the debugger at a, whose process is pid, as
// the kernel lists them. The caller's own count too. If the lists cannot be read,
// nobody is connected: a container must end.
func Clients(a Address, pid int) int {
	held := sockets(pid)
	switch a.Network {
	case "tcp":
		count := func(r io.Reader) int { return countTCP(r, a.Port, held) }
		return countFile("/proc/net/tcp", count) + countFile("/proc/net/tcp6", count)
	case "unix":
		return countFile("/proc/net/unix", func(r io.Reader) int { return countUnix(r, a.Path) })
	}
	return 0
}

// sockets lists the inodes of a process's sockets, nil if it may not be asked.
func sockets(pid int) map[string]bool {
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	inodes := map[string]bool{}
	for _, file := range files {
		target, _ := os.Readlink(dir + file.Name())
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			inodes[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return inodes
}

func countFile(name string, count func(io.Reader) int) int {
	file, err := os.Open(name)
	if err != nil {
		return 0
	}
	defer func() { _ = file.Close() }()
	return count(file)
}

// countTCP counts the lines of /proc/net/tcp or tcp6 that are established
// connections whose local end is port and one of held, if that is not nil. The
// port alone could also be that of the client's end of another connection.
func countTCP(r io.Reader, port uint16, held map[string]bool) int {
	n := 0
	for lines := bufio.NewScanner(r); lines.Scan(); {
		// "0: 0100007F:1F40 0100007F:C350 01 ...": slot, local, remote, state; the
		// inode is the tenth field.
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != tcpEstablished || held != nil && !held[fields[9]] {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		if local, err := strconv.ParseUint(hex, 16, 16); err == nil && local == uint64(port) {
			n++
		}
	}
	return n
}

// countUnix counts the lines of /proc/net/unix that are the serving end of a
// connection to the socket at path.
func countUnix(r io.Reader, path string) int {
	n := 0
	for lines := bufio.NewScanner(r); lines.Scan(); {
		// "Num: RefCount Protocol Flags Type St Inode Path"; the path may have spaces.
		fields := strings.SplitN(strings.Join(strings.Fields(lines.Text()), " "), " ", 8)
		if len(fields) == 8 && fields[5] == unixConnected && fields[7] == path {
			n++
		}
	}
	return n
}
