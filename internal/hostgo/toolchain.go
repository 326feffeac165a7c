// Package hostgo finds Go toolchains by the go command of the machine that dlvgen runs on,
// for builders that cannot fetch an image with Go.
package hostgo

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	goversion "go/version"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Toolchain is a version of Go that runs on Linux.
type Toolchain struct {
	// Name is that of its version and its platform: "go1.26.8.linux-amd64".
	Name string

	// Root is its GOROOT, a folder of this machine. As the module cache has it, its programs
	// are not executable, and src/go.mod is called src/_go.mod.
	Root string

	// Env are the settings of this machine's go command that say where modules come from.
	Env map[string]string
}

// settings are those of the go command (go env) that decide which toolchains it has.
type settings struct {
	GOROOT, GOVERSION, GOHOSTOS, GOHOSTARCH, GOTOOLCHAIN string
}

// Find returns a version of Go, "go1.26.8", for Linux on an architecture: the go command's own
// where it is that, else as the go command downloads it, which checks it with the checksum
// database. variables are those of the go command that become Env. tell is called before a
// download.
func Find(ctx context.Context, version, goarch string, variables []string, tell func(string)) (*Toolchain, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return nil, errors.New("this machine has no go command in PATH")
	}
	dir, err := os.MkdirTemp("", "dlvgen-go-") // where no go.mod or go.work asks for another version
	if err != nil {
		return nil, fmt.Errorf("creating a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var has settings
	var env map[string]string
	dt, err := output(ctx, dir, append([]string{"env", "-json", "GOROOT", "GOVERSION", "GOHOSTOS", "GOHOSTARCH", "GOTOOLCHAIN"}, variables...)...)
	if err == nil {
		err = errors.Join(json.Unmarshal(dt, &has), json.Unmarshal(dt, &env))
	}
	if err != nil {
		return nil, fmt.Errorf("asking this machine's go command for its settings: %w", err)
	}
	t := &Toolchain{Name: version + ".linux-" + goarch, Env: map[string]string{}}
	for _, name := range variables {
		if env[name] != "" {
			t.Env[name] = env[name]
		}
	}
	unusable := has.unusable(version, goarch)
	if unusable == nil {
		t.Root = has.GOROOT
		return t, nil
	}
	if goversion.Compare(version, "go1.21") < 0 {
		return nil, fmt.Errorf("%w, and %s from the Go module proxy does not run without a C library: only Go 1.21 and later do", unusable, version)
	}
	if has.GOTOOLCHAIN == "local" || has.GOTOOLCHAIN == "path" {
		return nil, fmt.Errorf("%w, and GOTOOLCHAIN=%s keeps its go command from downloading %s: set GOTOOLCHAIN=auto in the environment", unusable, has.GOTOOLCHAIN, version)
	}
	tell(fmt.Sprintf("%s for linux/%s: this machine's go command gets it from the Go module proxy, if it has not already", version, goarch))
	t.Root, err = download(ctx, dir, t.Name)
	if err != nil {
		return nil, fmt.Errorf("%w, and its go command cannot download %s for linux/%s: %w", unusable, version, goarch, err)
	}
	return t, nil
}

// unusable says why the go command's own GOROOT is not that version for Linux, or would not run
// on a file system that has nothing else.
func (s settings) unusable(version, goarch string) error {
	own, _, _ := strings.Cut(s.GOVERSION, " ")
	if own != version {
		return fmt.Errorf("this machine has %s", own)
	}
	if s.GOHOSTOS != "linux" || s.GOHOSTARCH != goarch {
		return fmt.Errorf("this machine has %s for %s/%s", own, s.GOHOSTOS, s.GOHOSTARCH)
	}
	for _, name := range []string{"src", "pkg/tool", "pkg/include"} {
		info, err := os.Lstat(filepath.Join(s.GOROOT, filepath.FromSlash(name)))
		if err != nil || !info.IsDir() { // Debian's packages have links to other folders there
			return fmt.Errorf("this machine's %s is not all in %s", own, s.GOROOT)
		}
	}
	for _, name := range []string{"bin/go", "pkg/tool/linux_" + goarch + "/compile", "pkg/tool/linux_" + goarch + "/link"} {
		if err := static(filepath.Join(s.GOROOT, filepath.FromSlash(name))); err != nil {
			return fmt.Errorf("this machine's %s does not run without its C library: %w", own, err)
		}
	}
	return nil
}

// static refuses a program that needs a dynamic linker.
func static(name string) error {
	f, err := elf.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is linked dynamically", name)
		}
	}
	return nil
}

// download has the go command get a toolchain, which is a module: where it is then.
func download(ctx context.Context, dir, name string) (string, error) {
	dt, err := output(ctx, dir, "mod", "download", "-json", "golang.org/toolchain@v0.0.1-"+name)
	var m struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(dt, &m); jsonErr == nil && m.Error != "" {
		return "", errors.New(oneLine(m.Error))
	}
	if err == nil && m.Dir == "" {
		err = errors.New("it does not say where that is")
	}
	return m.Dir, err
}

// output runs the go command. What it says of an error is on one line.
func output(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GO111MODULE=on", "PWD="+dir)
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if said := oneLine(stderr.String()); err != nil && said != "" {
		err = errors.New(said)
	}
	return stdout.Bytes(), err
}

// oneLine is what the go command says, without its own name.
func oneLine(text string) string {
	return strings.TrimPrefix(strings.Join(strings.Fields(text), " "), "go: ")
}

// Certificates is the file of this machine's certificate authorities, which the go command
// needs to get modules.
func Certificates() (string, error) {
	files := []string{
		"/etc/ssl/certs/ca-certificates.crt", // Debian, Arch, Alpine
		"/etc/pki/tls/certs/ca-bundle.crt",   // Fedora
		"/etc/ssl/ca-bundle.pem",             // openSUSE
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		"/etc/ssl/cert.pem", // macOS, Alpine
	}
	if name := os.Getenv("SSL_CERT_FILE"); name != "" {
		files = []string{name}
	}
	for _, name := range files {
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
			return name, nil
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("reading this machine's certificate authorities: %w", err)
		}
	}
	return "", fmt.Errorf("no file with the certificate authorities of this machine (%s) is at %s: name one with SSL_CERT_FILE", runtime.GOOS, strings.Join(files, ", "))
}
