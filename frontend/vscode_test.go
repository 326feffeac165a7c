package frontend_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
)

// seen is what testdata/vscode/attach.js prints.
type seen struct {
	Breakpoint struct {
		Verified bool   `json:"verified"`
		Line     int    `json:"line"`
		Message  string `json:"message"`
	} `json:"breakpoint"`
	Reason  string `json:"reason"`
	Hit     place  `json:"hit"`
	Stepped place  `json:"stepped"`
	Value   string `json:"value"`
	Page    string `json:"page"`
}

// place is where a frame stands, its path as the editor would open it.
type place struct {
	Function string `json:"function"`
	Path     string `json:"path"`
	Line     int    `json:"line"`
}

func TestVSCodeAttachesWithTheGeneratedLaunchJSON(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	client := vscodeClient(t)
	bk, reg, engine := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.SharedDocker(t)
	for _, mode := range []variants.Start{variants.StartHold, variants.StartContinue} {
		t.Run(string(mode), func(t *testing.T) {
			ctx := deadline(t)
			service := testenv.Service(t, "hello")
			options := variant("remote")
			options.Start = mode
			ref := reg.Ref("vscode/hello:" + string(mode))
			mustDerive(ctx, t, bk, derivation{service: service, options: options, push: ref})
			c := start(ctx, t, engine, ref)
			if err := c.connect(ctx, t).Close(); err != nil { // it is ready
				t.Fatal(err)
			}

			file := filepath.Join(service, "main.go")
			line := lineIn(t, file, "greeting := ")
			got := client.attach(ctx, t, launchJSON(ctx, t, engine, c, service), service, fmt.Sprintf("%s:%d", file, line), "http://"+c.page+"/?name=gopher")

			want := seen{
				Reason:  "breakpoint",
				Hit:     place{"main.handler", file, line},
				Stepped: place{"main.handler", file, line + 1},
				Value:   `string "gopher"`,
				Page:    "Hello, gopher!\n",
			}
			want.Breakpoint.Verified, want.Breakpoint.Line = true, line
			if got != want {
				t.Errorf("VS Code saw\n%+v, want\n%+v", got, want)
			}
			if err := c.request(ctx); err != nil {
				t.Errorf("after VS Code has left, the program does not go on: %v", err)
			}
		})
	}
}

// lineIn is lineOf for a file.
func lineIn(t *testing.T, file, text string) int {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return lineOf(t, string(source), text)
}

// launchJSON writes what `dlvgen connect --for vscode` prints in the folder of the
// service, and returns the file.
func launchJSON(ctx context.Context, t *testing.T, engine *testenv.Docker, c running, service string) string {
	t.Helper()
	t.Setenv("DOCKER_HOST", engine.Host)
	t.Chdir(service)
	var stdout, stderr bytes.Buffer
	if code := cli.Run(ctx, []string{"connect", c.ID, "--for", "vscode"}, strings.NewReader(""), &stdout, &stderr); code != cli.ExitOK {
		t.Fatalf("dlvgen connect: exit code %d: %s", code, stderr.String())
	}
	file := filepath.Join(service, ".vscode", "launch.json")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, stdout.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// vscode is a folder with testdata/vscode and the modules that it needs.
type vscode struct{ dir string }

// vscodeClient installs VS Code's client of the Debug Adapter Protocol. npm keeps
// what it has fetched in the user's cache folder. Where there is no Node.js the
// test is skipped; with CI=true in the environment it fails instead.
func vscodeClient(t *testing.T) vscode {
	t.Helper()
	proctest.RequirePrograms(t, "node", "npm")
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir() // a service account may have no HOME
	}
	root, err := testenv.RepoRoot()
	if err != nil {
		t.Fatal(err)
	}
	v := vscode{dir: t.TempDir()}
	if err := os.CopyFS(v.dir, os.DirFS(filepath.Join(root, "testdata", "vscode"))); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(deadline(t), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
		"--prefer-offline", "--cache", filepath.Join(cache, "dlvgen-testenv", "npm"))
	cmd.Dir = v.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return v
}

// attach runs a session of attach.js.
func (v vscode) attach(ctx context.Context, t *testing.T, launch, workspace, position, url string) (got seen) {
	t.Helper()
	cmd := exec.CommandContext(ctx, "node", filepath.Join(v.dir, "attach.js"), launch, workspace, position, url)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("VS Code's client: %v, after\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("VS Code's client printed %q: %v", out, err)
	}
	return got
}
