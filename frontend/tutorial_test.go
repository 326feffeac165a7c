//go:build !race

// See breakpoint_test.go for why.

package frontend_test

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// tutorial is what "debugging Go in containers" tutorials build four Dockerfiles
// for, made of one production Dockerfile: a scratch image without a shell, its
// program stripped and compiled with -trimpath.
type tutorial struct {
	service string
	line    int               // of the breakpoint in main.go
	text    string            // of that line
	images  map[string]string // references by variant, production's under ""
}

func newTutorial(ctx context.Context, t *testing.T) tutorial {
	t.Helper()
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	l := tutorial{service: testenv.Service(t, "hello"), images: map[string]string{}}
	source, err := os.ReadFile(filepath.Join(l.service, "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	l.line = lineOf(t, string(source), "greeting := ")
	l.text = strings.TrimSpace(strings.Split(string(source), "\n")[l.line-1])
	for _, name := range []string{"", "remote", "attach", "sidecar"} {
		l.images[name] = reg.Ref("tutorial/hello:v1-" + name)
		mustDerive(ctx, t, bk, derivation{service: l.service, options: variant(name), push: l.images[name]})
	}
	return l
}

// commands are those of the tutorial.
func (l tutorial) commands() []string {
	return []string{fmt.Sprintf("break main.go:%d", l.line), "continue", "list", "print name", "stack", "clearall"}
}

// inside are the commands at a prompt of the program's own debugger. The last one
// answers whether the program is to be ended.
func (l tutorial) inside() string { return typed(l.commands(), "exit", "n") }

// outside are the commands of a client that has the sources in a folder of its own. It
// lets the program go on when it leaves.
func (l tutorial) outside(root string) string {
	return typed([]string{"config substitute-path " + root + " " + l.service}, append(l.commands(), "exit -c")...)
}

// typed is what somebody types.
func typed(first []string, then ...string) string {
	return strings.Join(slices.Concat(first, then), "\n") + "\n"
}

// sight is what Delve shows at the breakpoint.
type sight struct {
	place string // "main.handler main.go:25"
	line  string // the text that the arrow of `list` points at
	name  string // the variable's value
	stack string // its functions, the innermost first
}

// Delve's lines (pkg/terminal, v1.27.2).
var (
	stopLine  = regexp.MustCompile(`(?m)^(?:\(dlv\) )*> (?:\[Breakpoint \d+\] )?([\w./]+)\(\) (\S+):(\d+) \(hits`)
	arrowLine = regexp.MustCompile(`(?m)^=>\s*\d+:\s*(.*?)\s*$`)
	nameLine  = regexp.MustCompile(`(?m)^(?:\(dlv\) )*("[^"]*")\s*$`)
	frameLine = regexp.MustCompile(`(?m)^(?:\(dlv\) )*\s*\d+\s+0x[0-9a-f]+ in (\S+)\s*$`)
)

// see reads a session of Delve.
func see(session string) sight {
	var s sight
	if m := stopLine.FindStringSubmatch(session); m != nil {
		s.place = fmt.Sprintf("%s %s:%s", m[1], filepath.Base(m[2]), m[3])
	}
	if m := arrowLine.FindAllStringSubmatch(session, -1); m != nil {
		s.line = m[len(m)-1][1]
	}
	if m := nameLine.FindStringSubmatch(session); m != nil {
		s.name = m[1]
	}
	var functions []string
	for _, m := range frameLine.FindAllStringSubmatch(session, -1) {
		functions = append(functions, m[1])
	}
	s.stack = strings.Join(functions, " ")
	return s
}

// TestTheTutorial ends each of its sections at the same line and stack.
func TestTheTutorial(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	ctx := deadline(t)
	l := newTutorial(ctx, t)
	sections := map[string]func(context.Context, *testing.T, tutorial) string{
		"attach inside":                  attachInside,
		"remote from outside":            remoteFromOutside,
		"sidecar at its prompt":          sidecarPrompt,
		"sidecar from outside":           sidecarFromOutside,
		"sidecar of an attach container": sidecarOfAttach,
	}
	want := sight{place: fmt.Sprintf("main.handler main.go:%d", l.line), line: l.text, name: `"gopher"`}
	for name, section := range sections {
		t.Run(name, func(t *testing.T) {
			session := section(ctx, t, l)
			got := see(session)
			if want.stack == "" { // of whichever section comes first
				want.stack = got.stack
			}
			if got != want || !strings.HasPrefix(got.stack, "main.handler net/http.HandlerFunc.ServeHTTP net/http.(*ServeMux).ServeHTTP") {
				t.Errorf("Delve shows\n%+v, want\n%+v in\n%s", got, want, session)
			}
		})
	}
}

// attachInside is a shell-less container that is debugged in itself.
func attachInside(ctx context.Context, t *testing.T, l tutorial) string {
	c := l.serve(ctx, t, "attach")
	if out, err := c.Exec(ctx, "/bin/sh", "-c", "true"); err == nil {
		t.Errorf("the image has a shell, which printed %q", out)
	}
	return c.whileAsked(ctx, t, func() (string, error) {
		return inTerminal(t, l.inside(), testenv.SharedDocker(t).Command(ctx, "exec", "--interactive", "--tty", "--env", "TERM=dumb", c.ID, "/dlv", "attach", "1"))
	})
}

// remoteFromOutside is a program that waits for a client with local sources.
func remoteFromOutside(ctx context.Context, t *testing.T, l tutorial) string {
	c := start(ctx, t, testenv.SharedDocker(t), l.images["remote"])
	return c.whileAsked(ctx, t, func() (string, error) { return dlvConnect(ctx, t, c, l.outside("/src")) })
}

// sidecarPrompt debugs the production container from another container's terminal.
func sidecarPrompt(ctx context.Context, t *testing.T, l tutorial) string {
	app := l.serve(ctx, t, "")
	return app.whileAsked(ctx, t, func() (string, error) {
		return inTerminal(t, l.inside(), testenv.SharedDocker(t).Command(ctx, slices.Concat([]string{"run", "--rm", "--interactive", "--tty", "--env", "TERM=dumb"}, beside(app), []string{l.images["sidecar"]})...))
	})
}

// sidecarFromOutside debugs the production container through a sidecar's port.
func sidecarFromOutside(ctx context.Context, t *testing.T, l tutorial) string {
	app := l.serve(ctx, t, "")
	return l.throughSidecar(ctx, t, app, "example.com/hello")
}

// sidecarOfAttach debugs a container that has debug information of its own.
func sidecarOfAttach(ctx context.Context, t *testing.T, l tutorial) string {
	return l.throughSidecar(ctx, t, l.serve(ctx, t, "attach"), "/src")
}

// throughSidecar debugs a container with a client outside, and looks that neither
// the client's nor the sidecar's end ends the program.
func (l tutorial) throughSidecar(ctx context.Context, t *testing.T, app running, root string) string {
	t.Helper()
	sidecar := l.sidecar(ctx, t, app)
	session := app.whileAsked(ctx, t, func() (string, error) { return dlvConnect(ctx, t, sidecar, l.outside(root)) })
	if code, err := sidecar.Stop(ctx); err != nil || code != 0 {
		t.Errorf("the sidecar ended with code %d, %v", code, err)
	}
	if err := app.request(ctx); err != nil {
		t.Errorf("the program does not go on without the sidecar: %v", err)
	}
	return session
}

// serve starts an image and waits until the program answers.
func (l tutorial) serve(ctx context.Context, t *testing.T, name string) running {
	t.Helper()
	c := running{Container: testenv.SharedDocker(t).Run(t, "--publish", "127.0.0.1::12345", l.images[name])}
	var err error
	if c.page, err = c.Addr(ctx, 12345); err != nil {
		t.Fatal(err)
	}
	if err := c.request(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}

// beside are the options of a sidecar's `docker run`.
func beside(app running) []string {
	return []string{"--pid", "container:" + app.ID, "--cap-add", "SYS_PTRACE"}
}

// sidecar starts the sidecar of a container with its port published.
func (l tutorial) sidecar(ctx context.Context, t *testing.T, app running) running {
	t.Helper()
	options := append(beside(app), "--publish", "127.0.0.1::8000", l.images["sidecar"])
	c := running{Container: testenv.SharedDocker(t).Run(t, options...)}
	var err error
	if c.debugger, err = c.Addr(ctx, 8000); err != nil {
		t.Fatal(err)
	}
	return c
}

// whileAsked runs a session while the page is requested, so that breakpoints are
// hit. The program goes on afterwards.
func (r running) whileAsked(ctx context.Context, t *testing.T, session func() (string, error)) string {
	t.Helper()
	asking, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for asking.Err() == nil {
			_ = r.request(asking)
		}
	}()
	out, err := session()
	stop()
	<-done
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := r.request(ctx); err != nil {
		t.Errorf("the program does not go on: %v", err)
	}
	return out
}

// dlvConnect is a session of the client on this machine.
func dlvConnect(ctx context.Context, t *testing.T, c running, commands string) (string, error) {
	t.Helper()
	if err := c.connect(ctx, t).Close(); err != nil { // it is ready
		return "", err
	}
	dlv, err := testenv.Program(ctx, "dlv")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, dlv, "connect", c.debugger)
	cmd.Stdin, cmd.Env = strings.NewReader(commands), append(os.Environ(), "TERM=dumb", "XDG_CONFIG_HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// inTerminal types commands into a terminal that a program has.
func inTerminal(t *testing.T, commands string, cmd *exec.Cmd) (string, error) {
	t.Helper()
	user, program := proctest.Terminal(t)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	if err := cmd.Start(); err != nil {
		return "", err
	}
	_ = program.Close()
	if _, err := io.WriteString(user, commands); err != nil {
		return "", err
	}
	var out bytes.Buffer
	_, _ = io.Copy(&out, user) // ends in EIO when the program has ended
	return strings.ReplaceAll(out.String(), "\r\n", "\n"), cmd.Wait()
}

// TestASidecarRefusesAnotherBinary changes one byte of a production container's
// program that no instruction path reaches.
func TestASidecarRefusesAnotherBinary(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	ctx := deadline(t)
	l, engine := newTutorial(ctx, t), testenv.SharedDocker(t)
	patched := filepath.Join(t.TempDir(), "server")
	app := l.serve(ctx, t, "")
	if _, err := engine.CLI(ctx, "cp", app.ID+":/server", patched); err != nil {
		t.Fatal(err)
	}
	patchText(t, patched)
	if _, err := app.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"cp", patched, app.ID + ":/server"}, {"start", app.ID}} {
		if _, err := engine.CLI(ctx, args...); err != nil {
			t.Fatal(err)
		}
	}
	ended, err := engine.RunToEnd(ctx, "", append(beside(app), l.images["sidecar"])...)
	if err != nil {
		t.Fatal(err)
	}
	if ended.Code != 1 || !strings.Contains(ended.Stderr, ".text") {
		t.Errorf("exit code %d, printed %q: want a refusal that names .text", ended.Code, ended.Stderr)
	}
	if app.page, err = app.Addr(ctx, 12345); err != nil {
		t.Fatal(err)
	}
	if err := app.request(ctx); err != nil {
		t.Errorf("the program does not go on: %v", err)
	}
}

// patchText changes the last byte of a program's code, which pads it.
func patchText(t *testing.T, file string) {
	t.Helper()
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	text := f.Section(".text")
	last := int64(text.Offset + text.Size - 1)
	_ = f.Close()
	out, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := out.ReadAt(b, last); err != nil {
		t.Fatal(err)
	}
	if _, err := out.WriteAt([]byte{b[0] ^ 1}, last); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
