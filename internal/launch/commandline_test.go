package launch

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestCommandlineOfDelveIsUnderstood(t *testing.T) {
	for line, want := range map[string]struct {
		program, args, flags, listen, moot string
		headless, multi, proceed           bool
	}{
		"/dlv --listen=:8000 --headless=true --api-version=2 --accept-multiclient exec /server -- exec --headless=false": {
			program: "/server", args: "exec --headless=false",
			flags:  "/dlv --listen=:8000 --headless=true --api-version=2 --accept-multiclient",
			listen: ":8000", headless: true, multi: true},
		"/dlv --headless=true --log --log-output rpc --check-go-version=false exec /server": {
			program: "/server", flags: "/dlv --headless=true --log --log-output rpc --check-go-version=false", headless: true},
		"/dlv --headless --accept-multiclient exec --continue /server --": {
			program: "/server", flags: "/dlv --headless --accept-multiclient", headless: true, multi: true, proceed: true},
		"/dlv exec /server --headless -l 127.0.0.1:1":   {program: "/server", flags: "/dlv --headless -l 127.0.0.1:1", listen: "127.0.0.1:1", headless: true},
		"/dlv exec --log-dest exec -l:2 --headless /s":  {program: "/s", flags: "/dlv --log-dest exec -l:2 --headless", listen: ":2", headless: true},
		"/dlv --headless --headless=false exec /server": {program: "/server", flags: "/dlv --headless --headless=false"},
		"/dlv --headless --listen unix:/run/d exec /s":  {program: "/s", flags: "/dlv --headless --listen unix:/run/d", listen: "unix:/run/d", headless: true},
		"/dlv --headless exec --wd /tmp /s":             {program: "/s", flags: "/dlv --headless --wd /tmp", headless: true, moot: "--wd"},
		"/dlv --headless exec -rstdin:/f /s":            {program: "/s", flags: "/dlv --headless -rstdin:/f", headless: true, moot: "-rstdin:/f"},
		"/dlv --headless attach 1 exec /s":              {flags: "/dlv --headless", headless: true},
		"/dlv --headless exec":                          {flags: "/dlv --headless", headless: true},
		"/dlv --headless exec -- /server":               {flags: "/dlv --headless", headless: true},
		"/dlv --headless --listen":                      {flags: "/dlv --headless --listen", headless: true},
		"/dlv":                                          {flags: "/dlv"},
	} {
		got := parseCommandline(strings.Fields(line))
		wanted := commandline{
			program: want.program, args: strings.Fields(want.args), flags: strings.Fields(want.flags),
			listen: want.listen, moot: want.moot, headless: want.headless, multi: want.multi, proceed: want.proceed,
		}
		got.args = slices.Concat([]string{}, got.args)
		wanted.args = slices.Concat([]string{}, wanted.args)
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s:\n got %+v\nwant %+v", line, got, wanted)
		}
	}
}

func TestDebuggerAttachesWithTheFlagsThatItWasGiven(t *testing.T) {
	c := parseCommandline(strings.Fields("/dlv --headless --accept-multiclient exec --continue /s --log -- --x"))
	if got := strings.Join(c.attach("7", c.proceed), " "); got != "/dlv --headless --accept-multiclient --log attach 7 --continue" {
		t.Error(got)
	}
	if got := strings.Join(c.attach("7", false), " "); got != "/dlv --headless --accept-multiclient --log attach 7" {
		t.Error(got)
	}
}

func TestFlagsThatCannotBeHonouredAreRefused(t *testing.T) {
	for line, want := range map[string]string{
		"/dlv --headless exec --tty=/dev/tty /s": "--tty",
		"/dlv --headless exec --continue /s":     "--accept-multiclient",
	} {
		if err := parseCommandline(strings.Fields(line)).check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
}
