package step

import (
	"bufio"
	"os"
	"syscall"
	"testing"
)

func TestExitCodesAreThoseOfTheChild(t *testing.T) {
	s := Step{Name: "sh", Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	for script, want := range map[string]int{
		"exit 0": 0, "exit 3": 3, "kill -KILL $$": 128 + int(syscall.SIGKILL), "kill -TERM $$": 128 + int(syscall.SIGTERM),
	} {
		if got := s.Child("/bin/sh", []string{"-c", script}, os.Environ()); got != want {
			t.Errorf("%s: exit code %d, want %d", script, got, want)
		}
	}
}

func TestSignalsReachTheChild(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	ready := make(chan error, 1)
	go func() {
		// The child's first line says that it is listening.
		_, err := bufio.NewReader(out).ReadString('\n')
		ready <- err
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
	}()
	s := Step{Name: "sh", Stdin: os.Stdin, Stdout: in, Stderr: os.Stderr}
	script := "sleep 60 & trap 'kill $!; exit 7' TERM; echo ready; wait"
	code := s.Child("/bin/sh", []string{"-c", script}, os.Environ())
	if err := <-ready; err != nil || code != 7 {
		t.Errorf("exit code %d, %v, want 7", code, err)
	}
}
