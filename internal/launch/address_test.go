package launch

import (
	"reflect"
	"testing"
)

func TestListenAddressTellsWhereToReachDelve(t *testing.T) {
	for listen, want := range map[string]address{
		":8000":          {network: "tcp", port: 8000, dial: []string{"127.0.0.1:8000", "[::1]:8000"}},
		"0.0.0.0:8000":   {network: "tcp", port: 8000, dial: []string{"127.0.0.1:8000", "[::1]:8000"}},
		"[::]:8000":      {network: "tcp", port: 8000, dial: []string{"127.0.0.1:8000", "[::1]:8000"}},
		"127.0.0.1:4000": {network: "tcp", port: 4000, dial: []string{"127.0.0.1:4000"}},
		"[::1]:4000":     {network: "tcp", port: 4000, dial: []string{"[::1]:4000"}},
		"localhost:4000": {network: "tcp", port: 4000, dial: []string{"localhost:4000"}},
		"unix:/run/dlv":  {network: "unix", path: "/run/dlv", dial: []string{"/run/dlv"}},
		"127.0.0.1:0":    {},
		":65536":         {},
		"unix:":          {},
		"8000":           {},
		"":               {},
	} {
		if got := parseAddress(listen); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, want %+v", listen, got, want)
		}
	}
}
