//go:build !race

// Each completion starts the test program, which takes long with the detector.

package cli_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// bashRC has what cobra's script takes from the package bash-completion.
const bashRC = `PS1='READY>'
_get_comp_words_by_ref() {
	read -ra words <<<"${COMP_LINE:0:COMP_POINT}x"
	cword=$((${#words[@]} - 1))
	cur=${words[cword]%x} prev=${words[cword-1]} words[cword]=$cur
}
_filedir() {
	compopt -o filenames
	COMPREPLY=($(compgen "${1:--f}" -- "$cur"))
}
source <(dlvgen completion bash)
`

const zshRC = `PS1='READY>'
unsetopt prompt_sp
autoload -U compinit && compinit -u -D
bindkey -e
source <(dlvgen completion zsh)
`

// TestShellsCompleteCommandLines types the beginnings of command lines into shells, and the
// key that completes them.
func TestShellsCompleteCommandLines(t *testing.T) {
	for _, shell := range []struct{ name, rcFile, rc, docker string }{
		{"bash", "bashrc", bashRC, "source <(docker completion bash)\n"},
		{"zsh", ".zshrc", zshRC, "source <(docker completion zsh)\n"},
	} {
		t.Run(shell.name, func(t *testing.T) {
			proctest.RequirePrograms(t, shell.name)
			lines := map[string]string{
				"dlvgen expl":                            "<dlvgen><explain>",
				"dlvgen build --variant remote-s":        "<dlvgen><build><--variant><remote-src>",
				"dlvgen build --variant attach,f":        "<dlvgen><build><--variant><attach,fast>",
				"dlvgen build --target comp":             "<dlvgen><build><--target><compiled>",
				"dlvgen explain service --target ot":     "<dlvgen><explain><service><--target><other>",
				"dlvgen build --build-arg VER":           "<dlvgen><build><--build-arg><VERSION=>",
				"dlvgen build --build-arg E":             "<dlvgen><build><--build-arg><E>", // the others are no plain words
				"dlvgen build --builder fa":              "<dlvgen><build><--builder><far>",
				"dlvgen build --progress=raw":            "<dlvgen><build><--progress=rawjson>",
				"dlvgen build --platform linux/amd64,li": "<dlvgen><build><--platform><linux/amd64,linux/arm64>",
				"dlvgen build ser":                       "<dlvgen><build><service>",
				"dlvgen build -f ser":                    "<dlvgen><build><-f><ser>",
				"dlvgen connect ser":                     "<dlvgen><connect><ser>",
			}
			config, rc := dockerConfig(t, "tcp://127.0.0.1:1"), shell.rc
			if docker := dockerCommands(t, config)[0]; strings.Contains(docker.run(t, "__complete", "dlvgen", "expl").stdout, "explain") { // from 23.0 on
				lines["docker dlvgen build --variant remote-s"] = "<docker><dlvgen><build><--variant><remote-src>"
				rc += shell.docker
			}
			typeInto(t, shell.name, shell.rcFile, rc, config, lines)
		})
	}
}

// typeInto has a shell on a terminal complete the lines, and print their words.
func typeInto(t *testing.T, shell, rcFile, rc, config string, lines map[string]string) {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		rcFile:               rc,
		"Dockerfile":         "FROM scratch AS compiled\nARG VERSION\nARG E$(touch${IFS}pwned)x\nARG E$(touch${IFS}pwned)y\nFROM compiled\n",
		"dlvgen.yaml":        "variants:\n  fast: {base: remote, suffix: -dbg}\n",
		"service/Dockerfile": "FROM scratch AS other\n",
		"serial":             "",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(self, filepath.Join(dir, "dlvgen")); err != nil {
		t.Fatal(err)
	}
	ctx := proctest.Context(t)
	user, program := proctest.Terminal(t)
	cmd := exec.CommandContext(ctx, shell, "-i")
	if shell == "bash" {
		cmd.Args = []string{shell, "--noprofile", "--rcfile", rcFile, "-i"}
	}
	cmd.Dir = dir
	cmd.Env = []string{callEnv + "=1", "HOME=" + dir, "ZDOTDIR=" + dir, "DOCKER_CONFIG=" + config, "TERM=xterm", "PATH=" + dir + ":" + os.Getenv("PATH")}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer context.AfterFunc(ctx, func() { _ = user.Close() })()
	seen := ""
	wait := func(what string) (before string) {
		t.Helper()
		for buffer := make([]byte, 1024); ; {
			if before, after, found := strings.Cut(seen, what); found {
				seen = after
				return before
			}
			n, err := user.Read(buffer)
			if err != nil {
				t.Fatalf("%v, without %q in\n%q", err, what, seen)
			}
			seen += string(buffer[:n])
		}
	}
	send := func(text string) {
		t.Helper()
		if _, err := user.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	wait("READY>")
	for line, want := range lines {
		// What is typed behind the key waits for it; ^A leads to the line's beginning.
		send(line + "\t END\x01printf '<%s>' \n")
		// Where a folder ends, zsh takes the slash away again.
		if got := wait("<END>"); !strings.HasSuffix(strings.ReplaceAll(got, "/>", ">"), want) {
			t.Errorf("%s completes %q to %q, want %s", shell, line, got, want)
		}
		wait("READY>")
	}
	send("exit\n")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "pwned")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s has run what the Dockerfile names: %v", shell, err)
	}
}
