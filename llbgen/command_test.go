package llbgen

import "testing"

func TestMayCompile(t *testing.T) {
	sh := func(script string) []string { return []string{"/bin/sh", "-c", script} }
	none, goThere := located{known: true}, located{known: true, Toolchain: usualToolchain}
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

		{"another language's tool", sh("cd ui && yarn --frozen-lockfile && npm run build"), goThere, ""},
		{"another language's tool where nobody looked", sh("gem install bundler"), located{}, ""},
		{"another language's tool beside go", sh("npm run build && go build ."), goThere, "runs go build"},
		{"another spelling of gpg", sh("gpg2 --verify x.asc"), located{}, ""},

		{"any program where there is no Go", sh("just-cargo build --release"), none, ""},
		{"any program where there is Go", sh("just-cargo build --release"), goThere, "runs just-cargo"},
		{"any program where nobody looked", sh("just-cargo build --release"), located{}, "runs just-cargo"},
		{"a smoke test where there is no Go", sh("/server & hey -n 10 http://localhost:8080/"), none, ""},
		{"script where there is no Go", sh("./build.sh"), none, ""},
		{"Go brought by the same step", sh("apk add go && go build ."), none, "runs go build"},
		{"a package of Go", sh("apt-get install -y golang-1.24 && make"), none, "runs make"},
		{"a download of Go", sh("curl -sL https://go.dev/dl/go${V}.tgz | tar -xz -C /opt && make"), none, "runs make"},
		{"a variable that names Go", sh("tar -xf $GO_ARCHIVE && make"), none, "runs make"},
		{"a setting of Go's", sh("GOOS=linux make"), none, "runs make"},
		{"a version manager", sh("mise install && make"), none, "runs mise"},
		{"another word with go", sh("cargo build && ./cargo-x django gopher"), none, ""},
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
