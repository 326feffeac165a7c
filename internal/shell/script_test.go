package shell

import (
	"fmt"
	"testing"
)

func TestMayCompile(t *testing.T) {
	sh := func(script string) []string { return []string{"/bin/sh", "-c", script} }
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"go build", sh("go build -o /server ."), "runs go build"},
		{"environment in front", sh("CGO_ENABLED=0 GOOS=linux go build ./..."), "runs go build"},
		{"env in front", sh("env CGO_ENABLED=0 go install ./cmd/x"), "runs go install"},
		{"absolute path", sh("/usr/local/go/bin/go build ."), "runs go build"},
		{"second in a list", sh("apk add make && make build"), "runs make"},
		{"several lines", sh("set -eux\ncd /src\ngo build ./a\n"), "runs go build"},
		{"in a condition", sh(`if [ "$X" = y ]; then go build; fi`), "runs go build"},
		{"in a substitution", sh(`echo $(go build -v .)`), "runs go build"},
		{"script", sh("./build.sh"), "runs build.sh"},
		{"sourced script", sh(". ./build.sh"), "runs ."},
		{"command from a variable", sh("$GO build ."), "runs a command that is known only when it runs"},
		{"exec form", []string{"go", "build", "."}, "runs go build"},
		{"exec form script", []string{"/src/build.sh"}, "runs build.sh"},
		{"bash with options", []string{"/bin/bash", "-eo", "pipefail", "-c", "go build ."}, "runs go build"},
		{"nested shell", sh(`bash -c 'go build -ldflags "-s -w"'`), "runs bash"},
		{"xx-go", sh("xx-go build -o /x ."), "runs go build"},
		{"go run", sh("go run build.go"), "runs go run"},
		{"go subcommand unknown", sh("go $CMD"), "runs go"},
		{"not shell at all", sh("if then ((("), "runs sh"},
		{"a launcher's option with a value", sh("nice -n 5 go build ."), "runs go build"},
		{"a launcher of images", sh("gosu app go build ."), "runs go build"},
		{"a launcher that is tried out", sh("gosu --version && gosu nobody true"), ""},
		{"xargs", sh("ls | xargs -n1 go build"), "runs xargs"},
		{"apt-get", sh("apt-get update && apt-get install -y git && rm -rf /var/lib/apt/lists/*"), ""},
		{"go mod download", sh("go mod download"), ""},
		{"go mod download with -C", sh("go -C /src mod download -x"), ""},
		{"go version in a test", sh("go version && go env GOPATH"), ""},
		{"folders and users", sh("mkdir -p /data && adduser -D app && chown app /data"), ""},
		{"function of the script", sh("f() { echo hi; }; f"), ""},
		{"npm ci", sh("npm ci --ignore-scripts"), ""},
		{"assignment only", sh("X=1"), ""},
		{"nothing", nil, ""},
		{"another spelling of gpg", sh("gpg2 --verify x.asc"), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Read(tc.args).MayCompile(); got != tc.want {
				t.Errorf("Read(%q).MayCompile() = %q, want %q", tc.args, got, tc.want)
			}
		})
	}
}

func TestWhatAScriptReadsAndWrites(t *testing.T) {
	for _, tc := range []struct{ script, writes, reads string }{
		{"echo a >/a; { b; } >>b 2>&1", `["/a" "b"]`, `[]`},
		{"tar -x <x.tar; cat <$FILE >$OTHER", `[]`, `["x.tar" ""]`},
		{"cat <<END\nx >y\nEND", `[]`, `[]`},
	} {
		s := ReadText(tc.script)
		if writes, reads := fmt.Sprintf("%q", s.Writes), fmt.Sprintf("%q", s.Reads); writes != tc.writes || reads != tc.reads {
			t.Errorf("%s: it writes %s and reads %s, want %s and %s", tc.script, writes, reads, tc.writes, tc.reads)
		}
	}
}

func TestACommandThatIsAlone(t *testing.T) {
	for script, want := range map[string]string{
		"exec /server -v":           `["/server" "-v"]`,
		"go run './cmd/a b'":        `["go" "run" "./cmd/a b"]`,
		"A=b /server":               `[]`,
		"/server $ARGS":             `[]`,
		"/server *.yaml":            `[]`,
		"/server >/log":             `[]`,
		"/server &":                 `[]`,
		"./migrate && exec /server": `[]`,
		"if then (((":               `[]`,
	} {
		if got := fmt.Sprintf("%q", ReadText(script).Alone); got != want {
			t.Errorf("%s: %s, want %s", script, got, want)
		}
	}
}
