package procfs

import (
	"reflect"
	"testing"
)

func TestListenAddressTellsWhereToReachTheDebugger(t *testing.T) {
	for listen, want := range map[string]Address{
		":8000":          {Network: "tcp", Listen: ":8000", Port: 8000, Dial: []string{"127.0.0.1:8000", "[::1]:8000"}},
		"0.0.0.0:8000":   {Network: "tcp", Listen: "0.0.0.0:8000", Port: 8000, Dial: []string{"127.0.0.1:8000", "[::1]:8000"}},
		"[::]:8000":      {Network: "tcp", Listen: "[::]:8000", Port: 8000, Dial: []string{"127.0.0.1:8000", "[::1]:8000"}},
		"127.0.0.1:4000": {Network: "tcp", Listen: "127.0.0.1:4000", Port: 4000, Dial: []string{"127.0.0.1:4000"}},
		"[::1]:4000":     {Network: "tcp", Listen: "[::1]:4000", Port: 4000, Dial: []string{"[::1]:4000"}},
		"localhost:4000": {Network: "tcp", Listen: "localhost:4000", Port: 4000, Dial: []string{"localhost:4000"}},
		"unix:/run/dlv":  {Network: "unix", Listen: "/run/dlv", Path: "/run/dlv", Dial: []string{"/run/dlv"}},
		"127.0.0.1:0":    {},
		":65536":         {},
		"unix:":          {},
		"8000":           {},
		"":               {},
	} {
		if got := ParseAddress(listen); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, want %+v", listen, got, want)
		}
	}
}
