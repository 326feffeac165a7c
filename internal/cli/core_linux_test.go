//go:build !race

// What is debugged is another program, which is compiled without the detector.

package cli_test

import (
	"bytes"
	"encoding/json"
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
	"github.com/google/go-dap"
)

// corePattern is where the kernel writes core dumps to (core(5)).
const corePattern = "/proc/sys/kernel/core_pattern"

// coresInWorkingFolders has the kernel write core dumps to the folder that a program works in.
func coresInWorkingFolders(t *testing.T) {
	t.Helper()
	before, err := os.ReadFile(corePattern)
	if err != nil {
		t.Fatal(err)
	}
	if pattern := strings.TrimSpace(string(before)); pattern == "core" {
		return
	}
	proctest.RequireRoot(t)
	t.Cleanup(func() {
		if err := os.WriteFile(corePattern, before, 0); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(corePattern, []byte("core"), 0); err != nil {
		t.Fatal(err)
	}
}

// crashed runs a production image until it is told to crash, and returns its core dump.
func crashed(t *testing.T, ref string) string {
	t.Helper()
	coresInWorkingFolders(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // for a user of the container
		t.Fatal(err)
	}
	// The kernel keeps a PID 1 from ending itself by a signal, so that it would leave no core dump.
	app := testenv.SharedDocker(t).Run(t, "--pid", "host", "--ulimit", "core=-1", "--env", "GOTRACEBACK=crash", "--volume", dir+":/cores", "--workdir", "/cores", ref)
	if err := app.Kill(proctest.Context(t), "ABRT"); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Wait(proctest.Context(t)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "core*"))
	if err != nil || len(files) != 1 {
		logs, _ := app.Logs(proctest.Context(t))
		t.Fatalf("core dumps %q, %v; the program printed\n%s", files, err, logs)
	}
	return files[0]
}

// TestACoreDumpOfAContainerIsOpened opens the core dump of production's optimized, stripped
// binary, and refuses it for another build.
func TestACoreDumpOfAContainerIsOpened(t *testing.T) {
	reg := needBuildKit(t)
	testenv.Require(t, testenv.NeedDocker)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	const name = "cli/core:v1"
	productionOf(t, reg, name)
	core := crashed(t, reg.Ref(name))

	var is struct{ Program, Platform, GoBuildID string }
	described := mustCall(t, "core", core, "--format", "json").stdout
	if err := json.Unmarshal([]byte(described), &is); err != nil || is.Program != "/server" || is.Platform != "linux/amd64" || is.GoBuildID == "" {
		t.Errorf("%v: the core dump is described as %s", err, described)
	}
	if out := mustCall(t, "core", core).stdout; !regexp.MustCompile(`(?m)^/server +\d+ +6 +linux/amd64 +\S+$`).MatchString(out) {
		t.Errorf("the core dump is described as\n%s", out)
	}

	var stdout, stderr bytes.Buffer
	commands := strings.NewReader("goroutine 1 stack\nlist main.main\nexit\n")
	code := cli.Run(proctest.Context(t), []string{"core", reg.Ref(name), core}, commands, &stdout, &stderr)
	if out := regexp.MustCompile(`\x1b\[\d*m`).ReplaceAllString(stdout.String(), ""); code != cli.ExitOK || !strings.Contains(out, "in main.main") || !regexp.MustCompile(`27:.*func.* main\(\) {`).MatchString(out) {
		t.Errorf("exit code %d: Delve printed\n%s\n%s", code, out, &stderr)
	}
	if want := core + " is of /server, process "; !strings.Contains(stderr.String(), want) {
		t.Errorf("stderr has no %q:\n%s", want, &stderr)
	}
	opensInVSCode(t, reg.Ref(name), core)
	refusesOtherCores(t, reg, name, core)
}

// opensInVSCode gives the configuration for VS Code to Delve, as the editor does.
func opensInVSCode(t *testing.T, ref, core string) {
	t.Helper()
	var file struct{ Configurations []json.RawMessage }
	text := mustCall(t, "core", ref, core, "--for", "vscode").stdout
	if err := json.Unmarshal([]byte(text), &file); err != nil || len(file.Configurations) != 1 {
		t.Fatalf("%v in\n%s", err, text)
	}
	ctx := proctest.Context(t)
	dlv, err := testenv.Program(ctx, "dlv")
	if err != nil {
		t.Fatal(err)
	}
	addr := proctest.FreeAddress(t)
	server := exec.CommandContext(ctx, dlv, "dap", "--listen", addr)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	client, err := testenv.ConnectDAP(ctx, addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Launch(ctx, file.Configurations[0]); err != nil {
		t.Fatal(err)
	}
	if err := client.Configured(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Stopped(ctx); err != nil {
		t.Fatal(err)
	}
	const first = 1 // goroutine
	frames, err := client.Stack(ctx, first)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(frames, func(f dap.StackFrame) bool { return f.Name == "main.main" })
	if i < 0 {
		t.Fatalf("no main.main in %+v", frames)
	}
	if source, err := os.ReadFile(frames[i].Source.Path); err != nil || !bytes.Contains(source, []byte("func main() {")) {
		t.Errorf("%v: the source of %+v is\n%s", err, frames[i], source)
	}
}

// refusesOtherCores wants the true reason for what is no core dump of the image.
func refusesOtherCores(t *testing.T, reg *testenv.Registry, name, core string) {
	t.Helper()
	const other = "cli/core:v2"
	dir := testenv.Service(t, "hello")
	file := filepath.Join(dir, "main.go")
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, bytes.Replace(text, []byte("shutting down"), []byte("going down"), 1), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	pushWithSidecar(t, reg, other, dir)
	refused(t, call(t, "core", reg.Ref(other), core), cli.ExitFailure,
		core+" is of another build than "+reg.Ref(other)+"-debug-sidecar", "name the image that ran", "Go build id of the core dump: ")
	refused(t, call(t, "core", reg.Ref(name), file), cli.ExitFailure, "reading the core dump "+file+": it is not a core dump of Linux")
	refused(t, call(t, "core", reg.Ref(name), filepath.Join(dir, "core")), cli.ExitFailure, "reading the core dump: ", "no such file")
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, call(t, "core", fifo), cli.ExitFailure, "reading the core dump "+fifo+": it is no regular file")
	refused(t, call(t, "core", reg.Ref("cli/core:v3"), core), cli.ExitFailure, "cli/core:v3")
	refused(t, call(t, "core", core, "--for", "vscode"), cli.ExitUsage, "no image is given")
	refused(t, call(t, "core", reg.Ref(name), core, "--for", "goland"), cli.ExitUsage, "--format json")
	refused(t, call(t, "core", reg.Ref(name), core, "--for", "vscode", "--format", "json"), cli.ExitUsage, "without --format json")
}
