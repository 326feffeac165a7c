package gocall

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseRun(t *testing.T) {
	for line, want := range map[string]string{
		"run .":                             "[] [.] []",
		"run ./cmd/server -v --port=1 x.go": "[] [./cmd/server] [-v --port=1 x.go]",
		"run main.go util.go x -y":          "[] [main.go util.go] [x -y]",
		"run -tags prod -race -ldflags=-s -mod vendor . a": "[-tags prod -race -ldflags=-s -mod vendor] [.] [a]",
		"run -C sub .":            "[] [.] [] elsewhere",
		"-C sub run .":            "[] [.] [] elsewhere",
		"run -exec xprog .":       "[-exec xprog] [.] [] exec",
		"run example.com/x@v1 -h": "[] [example.com/x@v1] [-h]",
		"run":                     "none",
		"run -tags":               "none",
		"run -nonsense .":         "none",
		"build .":                 "none",
	} {
		r, ok := ParseRun(strings.Fields(line))
		got := fmt.Sprint(r.Flags, r.Packages, r.Args)
		if r.Elsewhere {
			got += " elsewhere"
		}
		if r.Exec {
			got += " exec"
		}
		if !ok {
			got = "none"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}
