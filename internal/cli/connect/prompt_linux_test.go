package connect_test

import (
	"context"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/cli/connect"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/google/go-cmp/cmp"
)

// A prompt looks for names of earlier commands where a script does not: "!!" is the last.
func TestTheSameWordsAtAPrompt(t *testing.T) {
	s := newShells(t)
	remote := target(t, nil)
	remote.Mappings = []connect.Mapping{{From: "/src!!", To: "/home/it's !echo"}}
	text, err := remote.Delve()
	if err != nil {
		t.Fatal(err)
	}
	words := []string{"docker", "run", "it's!!", "--image=!echo", "!", "a!!b!"}
	line, err := connect.CommandLine(words)
	if err != nil {
		t.Fatal(err)
	}
	want := []called{
		{words: []string{"dlv", "connect", "127.0.0.1:49153", "--init", "/dev/fd/3"}, settings: "config substitute-path /src!! \"/home/it's !echo\"\n"},
		{words: words},
	}
	for _, shell := range [][]string{{"bash", "--norc", "-i"}, {"zsh", "-f", "-i"}} {
		proctest.RequirePrograms(t, shell[0])
		got, shown := s.enter(t, shell, "echo earlier\n"+text+line+"\nexit\n")
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(called{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s\nof\n%s", shell[0], diff, shown)
		}
	}
}

// enter types a text at a shell's prompt.
func (s shells) enter(t *testing.T, shell []string, text string) (calls []called, shown string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	user, terminal := proctest.Terminal(t)
	record := filepath.Join(t.TempDir(), "record")
	cmd := exec.CommandContext(ctx, shell[0], shell[1:]...)
	cmd.Dir = t.TempDir()
	cmd.Env = s.environ(cmd.Dir, record)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var screen strings.Builder
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&screen, user) // ends with an error when the shell has closed its end
	}()
	if _, err := io.WriteString(user, text); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	_ = terminal.Close()
	<-read
	if err != nil {
		t.Errorf("%s: %v: %s", shell[0], err, screen.String())
	}
	return recorded(t, record), screen.String()
}
