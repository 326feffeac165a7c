package llbgen

import "testing"

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
		if got := StartsNothing(test.words); got != test.want {
			t.Errorf("%q: %t", test.words, got)
		}
	}
}
