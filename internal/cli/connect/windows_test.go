package connect_test

import (
	"encoding/json"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli/connect"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/go-delve/delve/pkg/config"
	"github.com/go-delve/delve/pkg/locspec"
	"github.com/google/go-cmp/cmp"
)

// onWindows are folders of a machine on which the paths have another separator.
var onWindows = connect.Local{
	Windows: true, Module: `C:\Users\me\my app`, ModCache: `C:\Users\me\go\pkg\mod`, GOROOT: `C:\Program Files\Go`,
}

func windowsTarget(t *testing.T, changes map[string]string) connect.Target {
	t.Helper()
	to := target(t, changes)
	to.Windows, to.Workspace = true, false
	to.Mappings = to.Image.Mappings(onWindows)
	return to
}

func TestDelveIsStartedByPowerShellOnWindows(t *testing.T) {
	got, err := windowsTarget(t, nil).Delve()
	want := `[IO.File]::WriteAllText("$env:TEMP\dlvgen.init", @'
config substitute-path /usr/local/go "C:\\Program Files\\Go"
config substitute-path /go/pkg/mod "C:\\Users\\me\\go\\pkg\\mod"
config substitute-path /src "C:\\Users\\me\\my app"
'@)
dlv connect 127.0.0.1:49153 --init "$env:TEMP\dlvgen.init"
`
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestWordsAreQuotedForPowerShell(t *testing.T) {
	to := windowsTarget(t, nil)
	for word, want := range map[string]string{
		"127.0.0.1:8000:8000": "127.0.0.1:8000:8000", "--listen=:8000": "--listen=:8000", "app": "app", "": "''",
		"two words": "'two words'", "it's": "'it''s'", "$env:X": "'$env:X'", "a`b": "'a`b'", "@x": "'@x'", "a,b": "'a,b'", "a’b": "'a’’b'", "!": "'!'",
	} {
		if got, err := to.CommandLine([]string{word}); got != want || err != nil {
			t.Errorf("%q is written %s, %v, want %s", word, got, err, want)
		}
	}
	if got, err := to.CommandLine([]string{"a\nb"}); err == nil {
		t.Errorf("a line break is written %s", got)
	}
}

// Delve itself reads the rules: the terminal's lead from the program's paths to the
// client's, those of editors both ways.
func TestDelveMapsThePathsOfWindows(t *testing.T) {
	sources := map[string]string{
		"/src/main.go":                           `C:\Users\me\my app\main.go`,
		"/src/cmd/app/serve.go":                  `C:\Users\me\my app\cmd\app\serve.go`,
		"/go/pkg/mod/example.com/m@v1.0.0/m.go":  `C:\Users\me\go\pkg\mod\example.com\m@v1.0.0\m.go`,
		"/usr/local/go/src/net/http/transfer.go": `C:\Program Files\Go\src\net\http\transfer.go`,
	}
	to := windowsTarget(t, nil)
	var typed [][2]string
	lines, err := to.Init()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		words := config.SplitQuotedFields(line, '"')
		typed = append(typed, [2]string{words[2], words[3]})
	}
	text, err := to.VSCode()
	if err != nil {
		t.Fatal(err)
	}
	var launch struct {
		Configurations []struct {
			SubstitutePath []struct{ From, To string }
		}
	}
	if err := json.Unmarshal([]byte(text), &launch); err != nil {
		t.Fatal(err)
	}
	var toServer, toClient [][2]string
	for _, r := range launch.Configurations[0].SubstitutePath {
		toServer, toClient = append(toServer, [2]string{r.From, r.To}), append(toClient, [2]string{r.To, r.From})
	}
	for compiled, local := range sources {
		for _, way := range []struct {
			rules      [][2]string
			from, want string
		}{
			{typed, compiled, local},
			{toClient, compiled, local},
			{toServer, local, compiled},
			{toServer, "c" + local[1:], compiled}, // as VS Code writes the drive
		} {
			if got := locspec.SubstitutePath(way.from, way.rules); got != way.want {
				t.Errorf("%s leads to %s, want %s: %q", way.from, got, way.want, way.rules)
			}
		}
	}
}

// docs/connect.md says what to do about it.
func TestDelveLowersWhatFollowsARuleOfWindows(t *testing.T) {
	rules := [][2]string{{`C:\Users\me\my app`, "/src"}}
	if got := locspec.SubstitutePath(`C:\Users\me\my app\API\Handler.go`, rules); got != "/src/api/handler.go" {
		t.Errorf("Delve looks for %s: do the docs still hold?", got)
	}
}

func TestThePlaceholderHasTheFormOfTheClientsPaths(t *testing.T) {
	want := []connect.Mapping{{From: "/src", To: `C:\path\to\hello`, Kind: variants.PathModule}}
	if diff := cmp.Diff(want, image(t, nil).Mappings(connect.Local{Windows: true})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
