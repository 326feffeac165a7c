package llbgen

import "testing"

func TestMayCompile(t *testing.T) {
	sh := func(script string) []string { return []string{"/bin/sh", "-c", script} }
	none := located{known: true}
	for _, tc := range []struct {
		name string
		args []string
		at   located
		want string
	}{
		{"go build", sh("go build -o /server ."), located{}, "runs go build"},
		{"environment in front", sh("CGO_ENABLED=0 GOOS=linux go build ./..."), located{}, "runs go build"},
		{"env in front", sh("env CGO_ENABLED=0 go install ./cmd/x"), located{}, "runs go install"},
		{"absolute path", sh("/usr/local/go/bin/go build ."), located{}, "runs go build"},
		{"second in a list", sh("apk add make && make build"), located{}, "runs make"},
		{"several lines", sh("set -eux\ncd /src\ngo build ./a\n"), located{}, "runs go build"},
		{"in a condition", sh(`if [ "$X" = y ]; then go build; fi`), located{}, "runs go build"},
		{"in a substitution", sh(`echo $(go build -v .)`), located{}, "runs go build"},
		{"script", sh("./build.sh"), located{}, "runs build.sh"},
		{"sourced script", sh(". ./build.sh"), located{}, "runs ."},
		{"command from a variable", sh("$GO build ."), located{}, "runs a command that is known only when it runs"},
		{"exec form", []string{"go", "build", "."}, located{}, "runs go build"},
		{"exec form script", []string{"/src/build.sh"}, located{}, "runs build.sh"},
		{"bash with options", []string{"/bin/bash", "-eo", "pipefail", "-c", "go build ."}, located{}, "runs go build"},
		{"nested shell", sh(`bash -c 'go build -ldflags "-s -w"'`), located{}, "runs bash"},
		{"xx-go", sh("xx-go build -o /x ."), located{}, "runs go build"},
		{"go run", sh("go run build.go"), located{}, "runs go run"},
		{"go subcommand unknown", sh("go $CMD"), located{}, "runs go"},
		{"not shell at all", sh("if then ((("), located{}, "runs sh"},
		{"xargs", sh("ls | xargs -n1 go build"), located{}, "runs xargs"},

		{"apt-get", sh("apt-get update && apt-get install -y git && rm -rf /var/lib/apt/lists/*"), located{}, ""},
		{"go mod download", sh("go mod download"), located{}, ""},
		{"go mod download with -C", sh("go -C /src mod download -x"), located{}, ""},
		{"go version in a test", sh("go version && go env GOPATH"), located{}, ""},
		{"folders and users", sh("mkdir -p /data && adduser -D app && chown app /data"), located{}, ""},
		{"function of the script", sh("f() { echo hi; }; f"), located{}, ""},
		{"npm ci", sh("npm ci --ignore-scripts"), located{}, ""},
		{"assignment only", sh("X=1"), located{}, ""},
		{"nothing", nil, located{}, ""},

		{"npm run build where there is no Go", sh("cd ui && npm run build"), none, ""},
		{"npm run build where nobody looked", sh("cd ui && npm run build"), located{}, "runs npm"},
		{"Go brought by the same step", sh("apk add go && go build ."), none, "runs go build"},
		{"script where there is no Go", sh("./build.sh"), none, "runs build.sh"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := mayCompile(tc.args, tc.at); got != tc.want {
				t.Errorf("mayCompile(%q) = %q, want %q", tc.args, got, tc.want)
			}
		})
	}
}

func TestRemovesPackages(t *testing.T) {
	for script, want := range map[string]bool{
		"make && apt-get purge -y golang-go && apt-get clean": true,
		"go build . && apt-get -y --purge autoremove":         true,
		"go build . && apk del .build-deps":                   true,
		"dnf -y remove golang":                                true,
		"apt-get update && apt-get install -y golang":         false,
		"rm -rf /usr/lib/go":                                  false,
		"./remove.sh remove":                                  false,
	} {
		if got := removesPackages([]string{"/bin/sh", "-c", script}); got != want {
			t.Errorf("%s: %t, want %t", script, got, want)
		}
	}
}

func TestMayRemove(t *testing.T) {
	for script, want := range map[string]bool{
		"go build . && rm -rf /usr/local/go": true,
		"sudo rm x":                          true,
		"go build .":                         false,
	} {
		if got := readScript([]string{"/bin/sh", "-c", script}).mayRemove(); got != want {
			t.Errorf("%s: %t, want %t", script, got, want)
		}
	}
}
