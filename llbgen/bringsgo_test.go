package llbgen

import (
	"testing"

	"github.com/moby/buildkit/solver/pb"
)

func TestMayCompile(t *testing.T) {
	sh := func(script string) []string { return []string{"/bin/sh", "-c", script} }
	none, goThere := located{known: true}, located{known: true, Toolchain: usualToolchain}
	for _, tc := range []struct {
		name string
		args []string
		at   located
		want string
	}{
		{"another language's tool", sh("cd ui && yarn --frozen-lockfile && npm run build"), goThere, ""},
		{"another language's tool where nobody looked", sh("gem install bundler"), located{}, ""},
		{"another language's tool beside go", sh("npm run build && go build ."), goThere, "runs go build"},
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
			if got := readStep(&pb.ExecOp{Meta: &pb.Meta{Args: tc.args}}).mayCompile(tc.at); got != tc.want {
				t.Errorf("mayCompile(%q) = %q, want %q", tc.args, got, tc.want)
			}
		})
	}
}
