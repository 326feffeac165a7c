package procfs

import (
	"strings"
	"testing"
)

func TestEstablishedConnectionsToThePortAreCounted(t *testing.T) {
	const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:1F40 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1
   2: 0100007F:C350 0100007F:1F40 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1
   3: 0100007F:1F40 0100007F:C351 08 00000000:00000000 00:00000000 00000000     0        0 4 1 0 20 4 30 10 -1
   4: 0100007F:1F40 0100007F:C352 06 00000000:00000000 00:00000000 00000000     0        0 0 3 0
   5: 0200000A:1F90 0300000A:C353 01 00000000:00000000 00:00000000 00000000     0        0 5 1 0 20 4 30 10 -1
 broken
`
	const tcp6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1F40 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0000000000000000FFFF00000200000A:1F40 0000000000000000FFFF00000300000A:C350 01 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 0000000000000000FFFF00000200000A:1F40 0000000000000000FFFF00000300000A:C351 01 00000000:00000000 00:00000000 00000000     0        0 3 1
`
	for name, test := range map[string]struct {
		text string
		port uint16
		held map[string]bool
		want int
	}{
		"IPv4: listener, other end, closing ones and other ports do not count": {tcp, 8000, nil, 1},
		"IPv6":                  {tcp6, 8000, nil, 2},
		"of the debugger":       {tcp6, 8000, map[string]bool{"1": true, "3": true}, 1},
		"of another process":    {tcp6, 8000, map[string]bool{"1": true}, 0},
		"the client's own port": {tcp, 50000, map[string]bool{"1": true, "2": true}, 0},
		"nobody":                {tcp, 9000, nil, 0},
		"no list":               {"", 8000, nil, 0},
	} {
		if got := countTCP(strings.NewReader(test.text), test.port, test.held); got != test.want {
			t.Errorf("%s: got %d, want %d", name, got, test.want)
		}
	}
}

func TestConnectionsToASocketFileAreCounted(t *testing.T) {
	const text = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 100 /run/my dlv
0000000000000000: 00000003 00000000 00000000 0001 03 101 /run/my dlv
0000000000000000: 00000003 00000000 00000000 0001 03 102
0000000000000000: 00000003 00000000 00000000 0001 03 103 /run/other
`
	if got := countUnix(strings.NewReader(text), "/run/my dlv"); got != 1 {
		t.Errorf("got %d, want 1", got)
	}
}
