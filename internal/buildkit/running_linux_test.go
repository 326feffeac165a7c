package buildkit

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/gofrs/flock"
	controlapi "github.com/moby/buildkit/api/services/control"
	"google.golang.org/grpc"
)

// callEnv turns this test program into a call of dlvgen: it is the folder that has
// buildkitd.
const callEnv = "DLVGEN_TEST_CALL"

func TestMain(m *testing.M) {
	switch {
	case filepath.Base(os.Args[0]) == "buildkitd":
		fmt.Fprintln(os.Stderr, answerNothing(os.Args[len(os.Args)-1]))
		os.Exit(1)
	case os.Getenv(callEnv) != "":
		fmt.Println(call(os.Getenv(callEnv)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// call opens the child, says "open", and holds it until standard input ends.
func call(besides string) error {
	c, err := NewChild()
	if err != nil {
		return err
	}
	c.besides = besides
	conn, err := c.Open(context.Background(), nil)
	if err != nil {
		return err
	}
	fmt.Println("open")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return conn.Close()
}

// answerNothing is a buildkitd that takes calls and does not answer the first one.
func answerNothing(addr string) error {
	socket := strings.TrimPrefix(addr, addrFlag+"unix://")
	_ = os.Remove(socket)
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	controlapi.RegisterControlServer(server, silent{})
	return server.Serve(listener)
}

type silent struct {
	controlapi.UnimplementedControlServer
}

func (silent) ListWorkers(ctx context.Context, _ *controlapi.ListWorkersRequest) (*controlapi.ListWorkersResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// wrapped puts a script in the place of a child's buildkitd, which it starts in the
// end; $1 to $3 are the child's arguments.
func wrapped(t *testing.T, c *Child, script string) *Child {
	t.Helper()
	other := *c
	other.besides = t.TempDir()
	script = fmt.Sprintf("#!/bin/sh\n%s\nexec %s \"$@\"\n", script, filepath.Join(c.besides, "buildkitd"))
	if err := os.WriteFile(filepath.Join(other.besides, "buildkitd"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return &other
}

func TestAnotherVersionsCallLeavesTheChildInUseAlone(t *testing.T) {
	c := newTestChild(t)
	other := wrapped(t, c, "")
	conn := hold(t, c)
	first := mustStatus(t, c)
	mustOpen(t, other)
	if s := mustStatus(t, c); s.PID != first.PID {
		t.Error("another version's call replaced the child before the first solve")
	}
	if _, err := conn.ListWorkers(t.Context()); err != nil {
		t.Errorf("the child does not answer any more: %v", err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	mustOpen(t, other)
	if s := mustStatus(t, c); s.PID == first.PID {
		t.Error("another version's call did not replace the child that nobody uses")
	}
}

// TestACallThatIsKilledLeavesNoOrphan kills a call at each step. The next one goes on
// from there, and nothing runs after Stop.
func TestACallThatIsKilledLeavesNoOrphan(t *testing.T) {
	for name, kill := range map[string]func(t *testing.T, c *Child) (besides string){
		"before the start":         killedBeforeTheStart,
		"before the child answers": killedBeforeTheAnswer,
		"in use":                   killedInUse,
	} {
		t.Run(name, func(t *testing.T) {
			c := newTestChild(t)
			c.besides = kill(t, c)
			was, err := c.current()
			if err != nil {
				t.Fatal(err)
			}
			// Other settings do not wait for who is gone.
			if was == nil {
				t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
			} else {
				defer was.close()
			}
			mustOpen(t, c)
			s := mustStatus(t, c)
			if was != nil && was.pid != s.PID {
				t.Errorf("the child is process %d, and process %d was there", s.PID, was.pid)
			}
			if pid, err := c.Stop(t.Context()); err != nil || pid != s.PID {
				t.Errorf("Stop returned %d, %v, want %d", pid, err, s.PID)
			}
			// buildkitd's own lock says whether one runs.
			lock := flock.New(filepath.Join(c.Root(), "buildkitd.lock"))
			if free, err := lock.TryLock(); err != nil || !free {
				t.Errorf("a buildkitd still runs: %v, %v", free, err)
			}
			_ = lock.Unlock()
		})
	}
}

// startCall starts a call in a process of its own.
func startCall(t *testing.T, besides string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), callEnv+"="+besides)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, out
}

func killedBeforeTheStart(t *testing.T, c *Child) string {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	// Who writes the configuration waits for a reader.
	if err := syscall.Mkfifo(c.configFile(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, _ := startCall(t, c.besides)
	lock := flock.New(filepath.Join(c.dir, "lock"))
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		free, err := lock.TryLock()
		if err != nil || time.Now().After(end) {
			t.Fatalf("the call does not take the lock: %v", err)
		}
		if !free {
			break
		}
		_ = lock.Unlock()
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err := os.Remove(c.configFile()); err != nil {
		t.Fatal(err)
	}
	return c.besides
}

func killedBeforeTheAnswer(t *testing.T, c *Child) string {
	other := wrapped(t, c, `[ -e "$0.killed" ] || { : >"$0.killed" && kill -KILL $PPID; }`)
	cmd, out := startCall(t, other.besides)
	if text, _ := io.ReadAll(out); len(text) > 0 {
		t.Errorf("the call was not killed: %s", text)
	}
	_ = cmd.Wait()
	if _, err := os.Stat(filepath.Join(other.besides, "buildkitd.killed")); err != nil {
		t.Fatal(err)
	}
	return other.besides
}

func killedInUse(t *testing.T, c *Child) string {
	cmd, out := startCall(t, c.besides)
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "open\n" {
		t.Fatalf("the call says %q, %v", line, err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return c.besides
}

func TestAChildThatNeverAnswersIsAnError(t *testing.T) {
	c := newTestChild(t)
	c.besides, c.answers = t.TempDir(), time.Second
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(c.besides, "buildkitd")); err != nil {
		t.Fatal(err)
	}
	_, err = c.Open(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), c.LogFile()) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want one line with the log's name", err)
	}
	if s := mustStatus(t, c); s.Running {
		t.Errorf("the child that was started for nothing still runs: %+v", s)
	}

	// One that answered once, to a call that is over.
	next, err := c.plan()
	if err != nil {
		t.Fatal(err)
	}
	stuck, err := c.start(next)
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.close()
	_, err = c.Open(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "dlvgen buildkit stop") || !strings.Contains(err.Error(), strconv.Itoa(stuck.pid)) {
		t.Errorf("got %v, want an error with the remedy and the process", err)
	}
	if pid, err := c.Stop(t.Context()); err != nil || pid != stuck.pid {
		t.Errorf("Stop returned %d, %v, want %d", pid, err, stuck.pid)
	}
}

func TestAnotherRuntimeFolderFindsTheChild(t *testing.T) {
	c := newTestChild(t)
	mustOpen(t, c)
	first := mustStatus(t, c)
	t.Setenv("XDG_RUNTIME_DIR", "")
	other, err := NewChild()
	if err != nil {
		t.Fatal(err)
	}
	other.besides = c.besides
	if other.Addr() == c.Addr() {
		t.Fatal("both have one address")
	}
	mustOpen(t, other)
	if s := mustStatus(t, other); s.PID != first.PID || s.Addr != first.Addr {
		t.Errorf("the child is process %d at %s, and was process %d at %s", s.PID, s.Addr, first.PID, first.Addr)
	}
	if pid, err := other.Stop(t.Context()); err != nil || pid != first.PID {
		t.Errorf("Stop returned %d, %v, want %d", pid, err, first.PID)
	}
}

// TestAChildWithoutASocketIsReplaced is what the end of a login session leaves behind,
// with which the runtime folder goes.
func TestAChildWithoutASocketIsReplaced(t *testing.T) {
	c := newTestChild(t)
	mustOpen(t, c)
	first := mustStatus(t, c)
	if err := os.RemoveAll(filepath.Dir(c.socket)); err != nil {
		t.Fatal(err)
	}
	c.young = 0 // it has answered, so it is old enough
	mustOpen(t, c)
	if s := mustStatus(t, c); s.PID == first.PID {
		t.Error("the child that nobody can reach was not replaced")
	}
}

// TestAStrangersProcessIsLeftAlone has one with a child's arguments in a container, in
// which the folder is another one.
func TestAStrangersProcessIsLeftAlone(t *testing.T) {
	proctest.RequireRoot(t)
	proctest.RequirePrograms(t, "unshare", "mount")
	setFolders(t)
	c, err := NewChild()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	const waits = `exec sh -c 'echo ready; read x' buildkitd "$@"`
	for _, tc := range []struct {
		name   string
		args   []string
		script string
		found  bool
	}{
		{"the child's own folder", c.arguments(), waits, true},
		{"another folder under its name", c.arguments(), `mount --bind ` + t.TempDir() + ` ` + c.dir + ` && ` + waits, false},
		{"other arguments", append(c.arguments(), "more"), waits, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cmd := exec.Command("unshare", append([]string{"--mount", "sh", "-c", tc.script, "sh"}, tc.args...)...)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = in.Close()
				_ = cmd.Wait()
			}()
			if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
				t.Fatalf("the process says %q, %v", line, err)
			}
			child, err := c.current()
			if err != nil {
				t.Fatal(err)
			}
			if child != nil {
				defer child.close()
			}
			if found := child != nil && child.pid == cmd.Process.Pid; found != tc.found {
				t.Errorf("found is %v, want %v", found, tc.found)
			}
		})
	}
}

func TestAnotherCallThatDoesNotLetGoIsNamed(t *testing.T) {
	setFolders(t)
	c, err := NewChild()
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := c.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	c.turn = 50 * time.Millisecond
	if _, err := c.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), filepath.Join(c.dir, "lock")) {
		t.Errorf("got %v, want an error that names the lock", err)
	}
}
