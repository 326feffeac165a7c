package launch

import (
	"strings"
	"testing"
)

func TestCommandlineOfDelveIsUnderstood(t *testing.T) {
	for line, want := range map[string]commandline{
		"/dlv --listen=:8000 --headless=true --api-version=2 --accept-multiclient exec /server -- exec --headless=false": {
			program: 6, listen: ":8000", headless: true, multi: true},
		"/dlv --listen=:8000 --headless=true --api-version=2 --accept-multiclient exec --continue /server --": {
			program: 7, listen: ":8000", headless: true, multi: true},
		"/dlv exec /server --headless -l 127.0.0.1:1":   {program: 2, listen: "127.0.0.1:1", headless: true},
		"/dlv exec --wd exec -l:2 --headless /server":   {program: 6, listen: ":2", headless: true},
		"/dlv --log-dest 3 exec --headless /server":     {program: 5, headless: true},
		"/dlv --headless --headless=false exec /server": {program: 4},
		"/dlv --headless --listen unix:/run/d exec /s":  {program: 5, listen: "unix:/run/d", headless: true},
		"/dlv --headless attach 1 exec /s":              {headless: true},
		"/dlv --headless exec":                          {headless: true},
		"/dlv --headless exec -- /server":               {headless: true},
		"/dlv version":                                  {},
		"/dlv --headless --listen":                      {headless: true},
		"/dlv":                                          {},
	} {
		if got := parseCommandline(strings.Fields(line)); got != want {
			t.Errorf("%s:\n got %+v\nwant %+v", line, got, want)
		}
	}
	if (commandline{program: 2}).supervised() || (commandline{headless: true}).supervised() {
		t.Error("only a headless server with a program of its own is supervised")
	}
}
