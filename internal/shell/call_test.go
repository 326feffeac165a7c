package shell

import (
	"strings"
	"testing"
)

func TestWhatACallStarts(t *testing.T) {
	for words, want := range map[string]string{
		"exec su-exec app /server": "/server",
		"set -- /server -v":        "/server",
		"set -e":                   "",
		"exec":                     "",
		"./server":                 "./server",
	} {
		if got := CallOf(strings.Fields(words)).Starts(); got != want {
			t.Errorf("%s: %q, want %q", words, got, want)
		}
	}
}

func TestCommandsThatStartNothingThatTheyName(t *testing.T) {
	for _, test := range []struct {
		words []string
		want  bool
	}{
		{[]string{"rm", "-rf", "/app/server"}, true},
		{[]string{"/bin/rm", "/app/server"}, true},
		{[]string{"env", "A=b", "touch", "/app/down"}, true},
		{[]string{"[", "-f", "/app/server", "]"}, true},
		{[]string{"cd", "/app/server"}, true},
		{[]string{"/app/test", "/app/server"}, false},
		{[]string{"exec", "/app/server"}, false},
		{[]string{"set", "--", "/app/server"}, false},
		{[]string{"xargs", "rm", "/app/server"}, false},
		{[]string{"", "/app/server"}, false},
		{[]string{"which", "server"}, false},
		{nil, false},
	} {
		if got := CallOf(test.words).startsNothing(); got != test.want {
			t.Errorf("%q: %t", test.words, got)
		}
	}
}
