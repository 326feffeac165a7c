package hostgo

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// goCommand puts a go command in front of PATH, a shell script.
func goCommand(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
}

// TestTheGoCommandGivesToolchains has a go command for each answer. Real ones answer in the
// tests of the command line.
func TestTheGoCommandGivesToolchains(t *testing.T) {
	goroot, err := exec.CommandContext(proctest.Context(t), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	own := strings.TrimSpace(string(goroot))
	settings := func(version, system, toolchain string) string {
		return `[ "$1" = mod ] || { cat <<'END'
{"GOROOT": "` + own + `", "GOVERSION": "` + version + `", "GOHOSTOS": "` + system + `", "GOHOSTARCH": "amd64", "GOTOOLCHAIN": "` + toolchain + `", "GOPROXY": "https://proxy.example", "GOPRIVATE": ""}
END
exit; }
[ -z "$GOFLAGS" ] && [ "$*" = "mod download -json golang.org/toolchain@v0.0.1-go1.22.3.linux-amd64" ] || exit 9
`
	}
	const gives, gone = `printf '%s' '{"Dir": "/cache/toolchain"}'`, `printf '%s' '{"Error": "golang.org/toolchain@v0.0.1-go1.22.3.linux-amd64: reading https://proxy.example: 404 Not Found\n\tserver response: gone"}'; exit 1`
	for name, tc := range map[string]struct{ script, root, err string }{
		"another version, downloaded":         {script: settings("go1.26.8", "linux", "auto") + gives, root: "/cache/toolchain"},
		"another system":                      {script: settings("go1.22.3", "darwin", "go1.22.3+auto") + gives, root: "/cache/toolchain"},
		"downloads forbidden":                 {script: settings("go1.26.8", "linux", "local"), err: "this machine has go1.26.8, and GOTOOLCHAIN=local keeps its go command from downloading go1.22.3: set GOTOOLCHAIN=auto in the environment"},
		"forbidden, and for another system":   {script: settings("go1.22.3", "darwin", "path"), err: "this machine has go1.22.3 for darwin/amd64, and GOTOOLCHAIN=path keeps"},
		"not in the proxy":                    {script: settings("go1.26.8", "linux", "auto") + gone, err: "this machine has go1.26.8, and its go command cannot download go1.22.3 for linux/amd64: golang.org/toolchain@v0.0.1-go1.22.3.linux-amd64: reading https://proxy.example: 404 Not Found server response: gone"},
		"a go command that fails":             {script: "echo 'go: no home\n' >&2; exit 2", err: "asking this machine's go command for its settings: no home"},
		"a go command that fails to download": {script: settings("go1.26.8", "linux", "auto") + "exit 3", err: "cannot download go1.22.3 for linux/amd64: exit status 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOFLAGS", "-mod=vendor")
			goCommand(t, tc.script)
			told := 0
			got, err := Find(proctest.Context(t), "go1.22.3", "amd64", []string{"GOPRIVATE", "GOPROXY"}, func(string) { told++ })
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) || strings.Contains(err.Error(), "\n") {
					t.Fatalf("the error is %v, want %q", err, tc.err)
				}
				return
			}
			if err != nil || got.Root != tc.root || got.Name != "go1.22.3.linux-amd64" || told != 1 {
				t.Fatalf("%+v, %v, told %d times", got, err, told)
			}
			if len(got.Env) != 1 || got.Env["GOPROXY"] != "https://proxy.example" {
				t.Errorf("the environment is %v", got.Env)
			}
		})
	}
	t.Run("of before Go 1.21", func(t *testing.T) {
		goCommand(t, settings("go1.26.8", "linux", "auto"))
		want := "this machine has go1.26.8, and go1.20.14 from the Go module proxy does not run without a C library: only Go 1.21 and later do"
		if _, err := Find(proctest.Context(t), "go1.20.14", "amd64", nil, nil); err == nil || err.Error() != want {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("none", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		if _, err := Find(proctest.Context(t), "go1.22.3", "amd64", nil, nil); err == nil || err.Error() != "this machine has no go command in PATH" {
			t.Errorf("the error is %v", err)
		}
	})
}

// TestAGorootOfLinksIsNotUsed has what Debian's packages install: the sources are elsewhere.
func TestAGorootOfLinksIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"pkg/tool/linux_amd64", "pkg/include", "bin"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	s := settings{GOROOT: dir, GOVERSION: "go1.22.3", GOHOSTOS: "linux", GOHOSTARCH: "amd64"}
	if err := os.Symlink(t.TempDir(), filepath.Join(dir, "src")); err != nil {
		t.Fatal(err)
	}
	if err := s.unusable("go1.22.3", "amd64"); err == nil || !strings.Contains(err.Error(), "go1.22.3 is not all in "+dir) {
		t.Errorf("a link: %v", err)
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, "src")), os.Mkdir(filepath.Join(dir, "src"), 0o750)); err != nil {
		t.Fatal(err)
	}
	if err := s.unusable("go1.22.3", "amd64"); err == nil || !strings.Contains(err.Error(), "does not run without its C library") {
		t.Errorf("no program: %v", err)
	}
}

func TestTheFilesOfAToolchainAreThoseThatCompile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"VERSION", "go.env", "api/go1.txt", "bin/go", "bin/gofmt", "lib/time/zoneinfo.zip", "pkg/include/textflag.h", "pkg/tool/linux_amd64/compile", "src/_go.mod", "src/cmd/go/main.go", "src/fmt/print.go", "src/fmt/print_test.go", "src/go/testdata/a.go", "test/a.go"} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o750), os.WriteFile(file, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	files, err := (&Toolchain{Root: dir}).Files()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := files.Walk(t.Context(), "", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			got = append(got, name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{"VERSION", "bin/go", "go.env", "lib/time/zoneinfo.zip", "pkg/include/textflag.h", "pkg/tool/linux_amd64/compile", "src/_go.mod", "src/fmt/print.go"}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestCertificatesAreThoseThatAreNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.pem")
	t.Setenv("SSL_CERT_FILE", file)
	if _, _, err := CertificateFile(); err == nil || !strings.Contains(err.Error(), file+": name one with SSL_CERT_FILE") {
		t.Errorf("the error is %v", err)
	}
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.WriteFile(filepath.Join(filepath.Dir(file), "secret"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	files, name, err := CertificateFile()
	if err != nil || name != "a.pem" {
		t.Fatalf("%s, %v", name, err)
	}
	if err := files.Walk(t.Context(), "", func(walked string, _ fs.DirEntry, err error) error {
		if walked != name {
			t.Errorf("%s is sent too", walked)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
