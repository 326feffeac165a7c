//go:build !race

// Each call starts the test program, which takes long with the detector.

package cli_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// watchBench is a service that `dlvgen watch` builds, and where its command may publish a page.
type watchBench struct {
	engine *testenv.Docker
	folder string
	env    []string
	page   string
}

// watchedName is the container's that one test replaces.
const watchedName = "dlvgen-watched"

func newWatchBench(t *testing.T) *watchBench {
	t.Helper()
	needBuildKit(t)
	testenv.Require(t, testenv.NeedDocker)
	b := &watchBench{engine: testenv.SharedDocker(t), folder: testenv.PlainService(t), page: fmt.Sprintf("127.0.0.1:%d", testenv.FreePort(t))}
	b.env = append(os.Environ(), callEnv+"=1", "DOCKER_HOST="+b.engine.Host, "XDG_CACHE_HOME="+t.TempDir(), "BUILDKIT_HOST="+testenv.SharedBuildKit(t).Addr)
	return b
}

func (b *watchBench) start(t *testing.T, args ...string) *debugCall {
	t.Helper()
	return startCall(t, b.folder, b.env, append([]string{"watch"}, args...)...)
}

// edit replaces a text of a file, as an editor does that saves atomically.
func (b *watchBench) edit(t *testing.T, name, from, to string) {
	t.Helper()
	path := filepath.Join(b.folder, name)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		t.Fatalf("%s has no %q", name, from)
	}
	err = errors.Join(os.WriteFile(path+"~", []byte(strings.ReplaceAll(string(text), from, to)), 0o600), os.Rename(path+"~", path))
	if err != nil {
		t.Fatal(err)
	}
}

// builds waits for so many images.
func (c *debugCall) builds(t *testing.T, n int) []string {
	t.Helper()
	for {
		lines := strings.Fields(c.stdout.String())
		if len(lines) >= n {
			return lines
		}
		c.more(t, &c.stdout)
	}
}

// more waits until an output has more.
func (c *debugCall) more(t *testing.T, out *proctest.Output) {
	t.Helper()
	has := len(out.String())
	waitUntil(proctest.Context(t), t, func() bool {
		select {
		case <-c.ended:
			t.Fatal("dlvgen has ended")
		default:
		}
		return len(out.String()) > has
	})
}

// saysTimes waits until stderr has a text so often.
func (c *debugCall) saysTimes(t *testing.T, text string, n int) {
	t.Helper()
	for strings.Count(c.stderr.String(), text) < n {
		c.more(t, &c.stderr)
	}
}

// hit stops at a function behind the address, and stays connected.
func (b *watchBench) hit(t *testing.T, addr, function string) (d *testenv.Delve, answer <-chan string) {
	t.Helper()
	ctx := proctest.Context(t)
	d, err := testenv.ConnectDelve(ctx, addr)
	if err != nil {
		t.Fatal(err)
	}
	begun := make(chan (<-chan string), 1)
	state, err := d.HitFunction(ctx, function, func(ctx context.Context) error {
		begun <- asking(t, "http://"+b.page+"/")
		<-ctx.Done()
		return nil
	})
	if err != nil || state.CurrentThread.Function.Name() != function {
		t.Fatalf("%+v, %v", state, err)
	}
	return d, <-begun
}

const (
	watching = "watching for changes, Ctrl-C ends it"
	replaced = "the program was replaced, and its clients are disconnected: connect again with `dlv connect "
)

// TestWatchReplacesWhatRuns edits a service, and debugs it by one address.
func TestWatchReplacesWhatRuns(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t)
	t.Cleanup(func() {
		_, _ = b.engine.CLI(context.Background(), "rm", "--force", watchedName)
		_, _ = b.engine.CLI(context.Background(), "image", "rm", "--force", "dlvgen-cli-watch:v1-debug")
	})
	if err := os.WriteFile(filepath.Join(b.folder, ".dockerignore"), []byte("ignored\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := fmt.Sprintf("docker rm --force %s >/dev/null 2>&1; docker run --detach --name %[1]s --publish %s:12345 $DLVGEN_TAGS; echo DIGEST $DLVGEN_DIGEST", watchedName, b.page)
	c := b.start(t, "-t", "dlvgen-cli-watch:v1", "--run", command, "--port", "0", ".")
	c.says(t, &c.stderr, "clients find the debugger at ")
	addr := regexp.MustCompile(`debugger at (127\.0\.0\.1:\d+)`).FindStringSubmatch(c.stderr.String())[1]

	// A client that comes first waits for the first container.
	d, _ := b.hit(t, addr, "main.handler")
	c.says(t, &c.stderr, "the debugger of "+watchedName+" answers at "+addr+" (the program stands still until a client continues it): dlv connect "+addr)
	first := c.builds(t, 1)[0]
	name, digest, _ := strings.Cut(first, "@")
	if name != "dlvgen-cli-watch:v1-debug" || !strings.Contains(c.stderr.String(), "DIGEST "+digest+"\n") {
		t.Errorf("built %s", first)
	}

	// New code is hit by the same address.
	b.edit(t, "main.go", `greeting := "Hello, " + name + "!\n"`, "greeting := farewell(name)")
	b.edit(t, "main.go", "func main() {", "func farewell(name string) string {\n\treturn \"Goodbye, \" + name + \"!\\n\"\n}\n\nfunc main() {")
	c.says(t, &c.stderr, replaced+addr+"`")
	if _, err := d.GetState(); err == nil {
		t.Error("the client is still connected")
	}
	d, answer := b.hit(t, addr, "main.farewell")
	if err := errors.Join(clearBreakpoints(d), d.Disconnect(true)); err != nil {
		t.Fatal(err)
	}
	if got := <-answer; got != "Goodbye, world!\n" {
		t.Errorf("the page is %q", got)
	}

	t.Run("a compile error", func(t *testing.T) { b.repairs(t, c) })
	t.Run("what changes nothing", func(t *testing.T) { b.changesNothing(t, c) })
	t.Run("another branch", func(t *testing.T) { b.checksOut(t, c) })
	c.end(t, syscall.SIGTERM, cli.ExitInterrupted)
	if _, err := b.engine.CLI(proctest.Context(t), "inspect", watchedName); err != nil {
		t.Errorf("the container is gone: %v", err)
	}
}

// clearBreakpoints removes the breakpoints that were set.
func clearBreakpoints(d *testenv.Delve) error {
	list, err := d.ListBreakpoints(false)
	for _, one := range list {
		if one.ID > 0 {
			_, cleared := d.ClearBreakpoint(one.ID)
			err = errors.Join(err, cleared)
		}
	}
	return err
}

// container is the id of what runs.
func (b *watchBench) container(t *testing.T) string {
	t.Helper()
	id, err := b.engine.CLI(proctest.Context(t), "inspect", "--format", "{{.Id}}", watchedName)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(id)
}

// repairs breaks the program, which leaves what runs as it is, and repairs it.
func (b *watchBench) repairs(t *testing.T, c *debugCall) {
	before, built := b.container(t), len(c.builds(t, 0))
	waits := strings.Count(c.stderr.String(), watching)
	b.edit(t, "main.go", "return \"Goodbye, \"", "return 1 + \"Goodbye, \"")
	c.saysTimes(t, watching, waits+1)
	for _, want := range []string{"did not complete successfully: exit code: 1", "Dockerfile:6", "main.go:"} {
		if !strings.Contains(c.stderr.String(), want) {
			t.Errorf("stderr lacks %q", want)
		}
	}
	if now := b.container(t); now != before || len(c.builds(t, 0)) != built {
		t.Errorf("the container was %s, and is %s, and stdout has\n%s", before, now, c.stdout.String())
	}
	b.edit(t, "main.go", "return 1 + \"Goodbye, \"", "return \"So long, \"")
	c.builds(t, built+1)
	waitUntil(proctest.Context(t), t, func() bool {
		id, err := b.engine.CLI(proctest.Context(t), "inspect", "--format", "{{.Id}}", watchedName)
		return err == nil && strings.TrimSpace(id) != before
	})
	c.saysTimes(t, watching, waits+2)
}

// changesNothing writes what is left out, and a file that is sent and makes no other image.
func (b *watchBench) changesNothing(t *testing.T, c *debugCall) {
	before, waits, said := b.container(t), strings.Count(c.stderr.String(), watching), len(c.stderr.String())
	folder := filepath.Join(b.folder, "ignored", "deep")
	err := errors.Join(os.MkdirAll(folder, 0o700), os.WriteFile(filepath.Join(folder, "main.go"), nil, 0o600), os.WriteFile(filepath.Join(b.folder, "main.go~"), nil, 0o600),
		os.WriteFile(filepath.Join(b.folder, "sent.txt"), nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	c.saysTimes(t, watching, waits+1)
	c.says(t, &c.stderr, "the image is the same as before: nothing is replaced")
	for line := range strings.Lines(c.stderr.String()[said:]) {
		if strings.Contains(line, "changed: ") && line != "dlvgen: changed: sent.txt\n" {
			t.Errorf("it says %q", line)
		}
	}
	if now := b.container(t); now != before {
		t.Errorf("the container was %s, and is %s", before, now)
	}
}

// checksOut has git write many files, which is one build.
func (b *watchBench) checksOut(t *testing.T, c *debugCall) {
	built, waits := len(c.builds(t, 0)), strings.Count(c.stderr.String(), watching)
	b.git(t, "init", "--quiet", "--initial-branch", "main")
	b.git(t, "add", ".")
	b.git(t, "commit", "--quiet", "--message", "main")
	// Commits are made in a worktree of their own: what is watched does not change.
	other := filepath.Join(t.TempDir(), "other")
	b.git(t, "worktree", "add", "--quiet", "-b", "many", other)
	for i := range 300 {
		dir := filepath.Join(other, "pkg", fmt.Sprint(i%20))
		err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%d.go", i)), []byte(fmt.Sprintf("package p%d\n", i%20)), 0o600))
		if err != nil {
			t.Fatal(err)
		}
	}
	b.git(t, "-C", other, "add", ".")
	b.git(t, "-C", other, "commit", "--quiet", "--message", "many")
	b.git(t, "worktree", "remove", "--force", other)
	b.git(t, "checkout", "--quiet", "many")
	c.saysTimes(t, watching, waits+1)
	b.edit(t, "main.go", "So long", "Farewell") // ends what the checkout may have begun
	c.saysTimes(t, watching, waits+2)
	if lines := c.builds(t, built+2); len(lines) != built+2 {
		t.Errorf("%d builds, want %d, for a checkout and an edit", len(lines)-built, 2)
	}
}

func (b *watchBench) git(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(proctest.Context(t), "git", args...)
	cmd.Dir = b.folder
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b.c", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b.c")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
}

// blocks is a step that does not end while the context has the file "block".
const blocks = "COPY . .\nRUN [ ! -e block ] || { echo it \"is blocked\"; sleep 3600; }\n"

// TestWatchPushesWholeImagesOnly cancels a build by a change, and interrupts one that is to be
// pushed. Its commands fail, and go on.
func TestWatchPushesWholeImagesOnly(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t)
	reg := testenv.SharedRegistry(t)
	dir := t.TempDir()
	b.edit(t, "Dockerfile", "COPY . .\n", blocks)
	// The first command fails. The second goes on until it is told to end, and so do others.
	command := fmt.Sprintf("cd %s; [ -e failed ] || { touch failed; exit 3; }; trap 'echo the command ends; exit 0' TERM; echo the command runs; while :; do sleep 0.1; done", dir)
	c := b.start(t, "-t", reg.Ref("cli/watch:v1"), "--push", "--run", command, ".")
	c.says(t, &c.stderr, "has failed with exit code 3: it runs again after the next change")
	c.saysTimes(t, watching, 1)
	pushed := func() string {
		t.Helper()
		return reg.Ref("cli/watch:v1-debug") + "@" + digestOf(t, reg, "cli/watch:v1-debug")
	}
	first := c.builds(t, 1)[0]
	if first != pushed() {
		t.Errorf("built %q, and pushed %s", first, pushed())
	}

	// The image is the same, and the command has failed.
	if err := os.WriteFile(filepath.Join(b.folder, "sent.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.saysTimes(t, "the command runs\n", 1)

	// A build whose files change does not end, and the next one makes the image.
	block := filepath.Join(b.folder, "block")
	if err := os.WriteFile(block, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.saysTimes(t, "it is blocked\n", 1)
	if err := os.Remove(block); err != nil {
		t.Fatal(err)
	}
	b.edit(t, "main.go", "Hello", "Goodbye")
	c.says(t, &c.stderr, "the build is cancelled, and begins again")
	c.saysTimes(t, "the command runs\n", 2)
	c.saysTimes(t, "the command ends\n", 1)
	before := pushed()
	if lines := c.builds(t, 0); !slices.Equal(lines, []string{first, first, before}) || before == first {
		t.Errorf("built %q, and pushed %s", lines, before)
	}

	if err := os.WriteFile(block, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.saysTimes(t, "it is blocked\n", 2)
	c.end(t, syscall.SIGINT, cli.ExitInterrupted)
	if !strings.HasSuffix(c.stderr.String(), "dlvgen: interrupted\n") || strings.Count(c.stderr.String(), "the command ends\n") != 2 {
		t.Errorf("it ends with %q", c.stderr.String()[max(0, len(c.stderr.String())-300):])
	}
	if !wholeTag(t, reg, "cli/watch:v1-debug") || pushed() != before {
		t.Errorf("the tag names %s, and named %s", pushed(), before)
	}
}

func TestWatchRefusesWhatDoesNotChange(t *testing.T) {
	dir := testenv.PlainService(t)
	for want, args := range map[string][]string{
		"is not on this machine: name a folder":                     {"https://example.com/app.git"},
		"stdin is read once: name a folder for the context":         {"-"},
		"stdin is read once: name a folder for the context, and a ": {"-f", "-", dir},
		"an image on stdout is one image":                           {"-o", "type=oci,dest=-", dir},
		"--port leads to what --run starts: add --run":              {"--port", "8000", dir},
		"--port leads to a debugger that serves":                    {"--port", "0", "--run", "true", "--variant", "attach", dir},
		"--port is 70000: it must be a number from 0 to 65535":      {"--port", "70000", "--run", "true", dir},
		"is neither a folder nor a URL":                             {filepath.Join(dir, "missing")},
		"one context is watched at a time, and got 2":               {dir, dir},
		"unknown flag --dry-run":                                    {"--dry-run", dir},
	} {
		var stderr proctest.Output
		if code := cli.Run(proctest.Context(t), append([]string{"watch"}, args...), nil, &stderr, &stderr); code != cli.ExitUsage || !strings.Contains(stderr.String(), want) {
			t.Errorf("%q: exit code %d, want %q in\n%s", args, code, want, stderr.String())
		}
	}
}
