package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

// connect runs `dlvgen connect`.
func connect(t *testing.T, args ...string) ran {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(proctest.Context(t), append([]string{"connect"}, args...), strings.NewReader(""), &stdout, &stderr)
	return ran{code, stdout.String(), stderr.String()}
}

// recorded are the labels of a debug image, with changes.
func recorded(changes map[string]string) map[string]string {
	labels := map[string]string{
		variants.LabelVersion: "1.0.0", variants.LabelVariant: "remote", variants.LabelKind: "remote",
		variants.LabelModule: "example.com/hello", variants.LabelListen: ":8000",
		variants.LabelPaths: `[{"path":"/src","kind":"module","module":"example.com/hello"}]`,
	}
	maps.Copy(labels, changes)
	return labels
}

// pushLabelled stores an image that has labels and returns its reference with the
// digest behind the tag, as `dlvgen build` prints it.
func pushLabelled(t *testing.T, reg *testenv.Registry, name string, labels map[string]string) string {
	t.Helper()
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.Config.Labels = labels
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	if _, err := reg.Push(proctest.Context(t), name, img); err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return reg.Ref(name) + "@" + digest.String()
}

// newRegistry is an empty registry, and no Docker Engine beside it.
func newRegistry(t *testing.T) *testenv.Registry {
	t.Helper()
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(t.TempDir(), "none.sock"))
	reg, err := testenv.StartRegistry()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := reg.Close(); err != nil {
			t.Error(err)
		}
	})
	return reg
}

func TestConnectReadsTheLabelsOfAnImageInARegistry(t *testing.T) {
	reg := newRegistry(t)
	ref := pushLabelled(t, reg, "app:v1-debug", recorded(map[string]string{variants.LabelListen: ":4000"}))
	local := testenv.Service(t, "hello")
	for _, name := range []string{ref, reg.Ref("app:v1-debug")} {
		r := connect(t, name, "--source", "registry", "--local", local, "--format", "json")
		if r.code != cli.ExitOK {
			t.Fatalf("exit code %d\n%s", r.code, r.stderr)
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
			t.Fatalf("%v in\n%s", err, r.stdout)
		}
		want := map[string]any{
			"name": name, "source": "registry", "variant": "remote", "kind": "remote", "host": "127.0.0.1", "port": 4000.0,
			"paths":   []any{map[string]any{"from": "/src", "to": local}},
			"command": []any{"dlv", "connect", "127.0.0.1:4000"},
			"init":    []any{"config substitute-path /src " + local},
			"serve":   "docker run -d -p 127.0.0.1:4000:4000 " + name,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestConnectUsesTheWorkingFoldersModuleIfItIsTheImages(t *testing.T) {
	reg := newRegistry(t)
	ref := pushLabelled(t, reg, "app:v1-debug", recorded(nil))
	local, other := testenv.Service(t, "hello"), testenv.Service(t, "makefile")
	t.Chdir(local)
	r := connect(t, ref)
	if want := "config substitute-path /src " + local + "\n"; r.code != cli.ExitOK || !strings.Contains(r.stdout, want) {
		t.Errorf("exit code %d, stdout lacks %q:\n%s%s", r.code, want, r.stdout, r.stderr)
	}
	t.Chdir(other)
	r = connect(t, ref)
	if !strings.Contains(r.stdout, "config substitute-path /src /path/to/hello\n") || !strings.Contains(r.stderr, "--local") {
		t.Errorf("in another module stdout has\n%sand stderr\n%s", r.stdout, r.stderr)
	}
}

func TestConnectSaysWhatToDo(t *testing.T) {
	reg := newRegistry(t)
	foreign := pushLabelled(t, reg, "app:v1", map[string]string{"maintainer": "somebody"})
	ref := pushLabelled(t, reg, "app:v1-debug", recorded(nil))
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{foreign}, cli.ExitFailure, "is no debug image of dlvgen"},
		{[]string{reg.Ref("app:v2-debug")}, cli.ExitFailure, "has no such image"},
		{[]string{reg.Ref("app:v2-debug")}, cli.ExitFailure, "no Docker Engine answers"},
		{[]string{ref, "--source", "container"}, cli.ExitFailure, "no Docker Engine answers"},
		{[]string{ref, "--local", "nowhere"}, cli.ExitFailure, `--local is "nowhere"`},
		{[]string{ref, "--at", "8000"}, cli.ExitUsage, `--at is "8000": it must be HOST:PORT`},
		{[]string{ref, "--for", "vim"}, cli.ExitUsage, `did you mean "nvim"?`},
		{[]string{ref, "--at", "$(cmd):8000"}, cli.ExitUsage, `--at is "$(cmd):8000": it must be HOST:PORT`},
		{[]string{ref, "--container", "a b"}, cli.ExitUsage, `--container is "a b"`},
		{[]string{ref, "--pid", "-1"}, cli.ExitUsage, "--pid is -1"},
		{nil, cli.ExitUsage, "got 0 names"},
	} {
		r := connect(t, test.args...)
		if r.code != test.code || !strings.Contains(r.stderr, test.want) || r.stdout != "" {
			t.Errorf("%q: exit code %d, stdout %q, stderr lacks %q:\n%s", test.args, r.code, r.stdout, test.want, r.stderr)
		}
	}
}

func TestConnectAtAnAddressForEachEditor(t *testing.T) {
	reg := newRegistry(t)
	ref := pushLabelled(t, reg, "app:v1-debug-attach", recorded(map[string]string{variants.LabelKind: "attach"}))
	for client, want := range map[string]string{
		"vscode": `"host": "dev.example"`, "goland": `host="dev.example" port="9000"`, "nvim": `host = "dev.example", port = 9000`,
		"dlv": "/dlv attach 12\n",
	} {
		r := connect(t, ref, "--for", client, "--at", "dev.example:9000", "--pid", "12")
		if r.code != cli.ExitOK || !strings.Contains(r.stdout, want) {
			t.Errorf("%s: exit code %d, stdout lacks %q:\n%s%s", client, r.code, want, r.stdout, r.stderr)
		}
	}
}

// TestConnectsCommandLineWorksAsPrinted types it into a shell: a breakpoint at a local
// path is hit, and the local file is listed.
func TestConnectsCommandLineWorksAsPrinted(t *testing.T) {
	needBuildKit(t)
	testenv.Require(t, testenv.NeedDocker)
	engine := testenv.SharedDocker(t)
	t.Setenv("DOCKER_HOST", engine.Host)
	local := testenv.Service(t, "hello")
	mustBuild(t, "-t", "dlvgen-cli-connect:v1", "--load", local)
	t.Cleanup(func() {
		if _, err := engine.CLI(context.Background(), "image", "rm", "--force", "dlvgen-cli-connect:v1-debug"); err != nil {
			t.Error(err)
		}
	})
	c := engine.Run(t, "--publish", "127.0.0.1::8000", "dlvgen-cli-connect:v1-debug")
	r := connect(t, c.ID, "--local", local)
	if r.code != cli.ExitOK {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	dlv, err := testenv.Program(t.Context(), "dlv")
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, c, "API server listening at")
	for _, shell := range []string{"sh", "bash"} {
		cmd := exec.CommandContext(proctest.Context(t), shell, "-c", r.stdout)
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(dlv)+":"+os.Getenv("PATH"), "HOME="+t.TempDir(), "TERM=dumb")
		cmd.Stdin = strings.NewReader(fmt.Sprintf("break %s/main.go:28\nlist main.handler\nclearall\nexit\nn\n", local))
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "set at") || !strings.Contains(string(out), "func handler(w http.ResponseWriter") {
			t.Errorf("%s: %v\n%s\nof\n%s", shell, err, out, r.stdout)
		}
	}
	checkImageAndStopped(t, engine, c, local)
}

// copyBusybox copies the machine's static busybox into a folder.
func copyBusybox(t *testing.T, dir string) {
	t.Helper()
	file, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "busybox"), program, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestConnectFindsTheProgramOfAnAttachImage does so where it is process 1, and where
// another starts it.
func TestConnectFindsTheProgramOfAnAttachImage(t *testing.T) {
	needBuildKit(t)
	testenv.Require(t, testenv.NeedDocker)
	engine := testenv.SharedDocker(t)
	t.Setenv("DOCKER_HOST", engine.Host)
	const dockerfile = `FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -o /server .
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "/bin"]
COPY --from=build /server /server
CMD ["/server"]
`
	dir := testenv.Service(t, "hello")
	// Not of a base image: resolving two at once, the Dockerfile frontend writes a field
	// from two goroutines (builder/resolvecache.go, v0.34.2).
	copyBusybox(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644); err != nil {
		t.Fatal(err)
	}
	mustBuild(t, "-t", "dlvgen-cli-attach:v1", "--variant", "attach", "--load", dir)
	const image = "dlvgen-cli-attach:v1-debug-attach"
	t.Cleanup(func() {
		if _, err := engine.CLI(context.Background(), "image", "rm", "--force", image); err != nil {
			t.Error(err)
		}
	})
	for _, test := range []struct {
		args  []string
		first bool
	}{
		{[]string{image}, true},
		{[]string{image, "sh", "-c", "sleep 0; /server; true"}, false},
	} {
		c := engine.Run(t, test.args...)
		waitFor(t, c, "listening on")
		r := connect(t, c.ID)
		if r.code != cli.ExitOK {
			t.Fatalf("exit code %d\n%s", r.code, r.stderr)
		}
		words := strings.Fields(r.stdout)
		pid := words[len(words)-1]
		out, err := c.Exec(proctest.Context(t), "readlink", "/proc/"+pid+"/exe")
		if err != nil || strings.TrimSpace(out) != "/server" || (pid == "1") != test.first {
			t.Errorf("%q: %s names process %s, which is %q, %v", test.args, r.stdout, pid, out, err)
		}
	}
}

// checkImageAndStopped asks for the image, and for the container when it has ended.
func checkImageAndStopped(t *testing.T, engine *testenv.Docker, c *testenv.Container, local string) {
	t.Helper()
	r := connect(t, "dlvgen-cli-connect:v1-debug", "--local", local, "--for", "vscode")
	if r.code != cli.ExitOK || !strings.Contains(r.stderr, "docker run -d -p 127.0.0.1:8000:8000 dlvgen-cli-connect:v1-debug") {
		t.Errorf("the image: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if _, err := engine.CLI(proctest.Context(t), "kill", c.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Wait(proctest.Context(t)); err != nil {
		t.Fatal(err)
	}
	if r = connect(t, c.ID); r.code != cli.ExitFailure || !strings.Contains(r.stderr, "is not running, its state is exited") {
		t.Errorf("the stopped container: exit code %d\n%s", r.code, r.stderr)
	}
	if r = connect(t, "dlvgen-cli-absent", "--source", "container"); r.code != cli.ExitFailure || !strings.Contains(r.stderr, "has no container") {
		t.Errorf("an absent container: exit code %d\n%s", r.code, r.stderr)
	}
}

// waitFor returns when the container has printed the text.
func waitFor(t *testing.T, c *testenv.Container, text string) {
	t.Helper()
	ctx := proctest.Context(t)
	for {
		out, err := c.Logs(ctx)
		if err != nil {
			t.Fatalf("waiting until the container prints %q: %v\n%s", text, err, out)
		}
		if strings.Contains(out, text) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}
