package shim

import (
	"archive/zip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/shim/shimtest"
)

// epoch is the time of all that is captured.
const epoch = "1970-01-01 00:00:00 +0000 UTC"

// Only root's may be a layer as they are.
func TestSourcesOfRootAreInAnOutputOfTheirOwn(t *testing.T) {
	root, outputs := hello(t, nil), t.TempDir()
	env := []string{shimtest.Sources + "=" + outputs}
	r := runGo(t, root, env, "build")
	if r.Code != 0 || r.Stderr != "" {
		t.Fatalf("exit code %d: %s", r.Code, r.Stderr)
	}
	if os.Geteuid() != 0 {
		checkSources(t, r.capture, root, []string{"go.mod", "main.go", "lib/lib.go"})
		return
	}
	top, _, _ := strings.Cut(strings.TrimPrefix(root, "/"), "/")
	if entries, err := os.ReadDir(outputs); err != nil || len(entries) != 1 || entries[0].Name() != top {
		t.Errorf("among the sources are %v, %v, want the folder %s alone", entries, err, top)
	}
	if _, err := os.Stat(filepath.Join(r.own(), "src")); !os.IsNotExist(err) {
		t.Errorf("there are sources in the capture too: %v", err)
	}
	want := []string{
		" drwxr-xr-x " + epoch + " ", "/go.mod -rw-r--r-- " + epoch + " " + helloMod, "/lib drwxr-xr-x " + epoch + " ",
		"/lib/lib.go -rw-r--r-- " + epoch + " " + helloLib, "/main.go -rw-r--r-- " + epoch + " " + helloMain,
	}
	if got := describeTree(t, filepath.Join(outputs, root)); got != strings.Join(want, "\n")+"\n" {
		t.Errorf("the sources are\n%s", got)
	}
	// Another user's are his alone.
	if err := os.Chown(outputs, 1, 1); err != nil {
		t.Fatal(err)
	}
	again := runGo(t, root, env, "build", "-o", "again")
	if again.Code != 0 {
		t.Fatalf("exit code %d: %s", again.Code, again.Stderr)
	}
	checkSources(t, again.capture, root, []string{"go.mod", "main.go", "lib/lib.go"})
}

func TestReplacedModulesAreCapturedWhereTheyWereCompiled(t *testing.T) {
	other := proctest.Files(t, map[string]string{
		"go.mod": "module example.com/other\n\ngo 1.21\n", "other.go": "package other\n\nconst Name = \"other\"\n", "unused/u.go": "package unused\n",
	})
	root := proctest.Files(t, map[string]string{
		"go.mod":  helloMod + "\nrequire example.com/other v0.0.0\n\nreplace example.com/other => " + other + "\n",
		"main.go": "package main\n\nimport \"example.com/other\"\n\nfunc main() { println(other.Name) }\n",
	})
	r := runGo(t, root, nil, "build")
	if r.Code != 0 || r.Stderr != "" {
		t.Fatalf("exit code %d: %s", r.Code, r.Stderr)
	}
	checkSources(t, r.capture, root, []string{"go.mod", "main.go"})
	checkSources(t, r.capture, other, []string{"go.mod", "other.go"})
}

func TestWorkspacesAreCapturedWithTheirFile(t *testing.T) {
	root := proctest.Files(t, map[string]string{
		"go.work": "go 1.21\n\nuse (\n\t./app\n\t./lib\n)\n", "lib/go.mod": "module example.com/lib\n\ngo 1.21\n", "lib/lib.go": "package lib\n",
		"app/go.mod": "module example.com/app\n\ngo 1.21\n", "app/main.go": "package main\n\nimport _ \"example.com/lib\"\n\nfunc main() {}\n",
	})
	r := runGo(t, root, []string{"GOWORK="}, "build", "-o", "bin", "./app")
	if r.Code != 0 || r.Stderr != "" {
		t.Fatalf("exit code %d: %s", r.Code, r.Stderr)
	}
	checkSources(t, r.capture, root, []string{"go.work", "lib/go.mod", "lib/lib.go", "app/go.mod", "app/main.go"})
	if m := readManifest(t, r.capture); m.Module != "example.com/app" || m.ModuleDir != filepath.Join(root, "app") {
		t.Errorf("main module %s in %s", m.Module, m.ModuleDir)
	}
}

func TestOverlaidFilesAreCapturedAsCompiled(t *testing.T) {
	root := hello(t, nil)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{"lib/lib.go": "other.txt", "lib/new.go": "new.txt"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"overlay.json": string(overlay), "other.txt": "package lib\n\nfunc Double(int) int { return Answer }\n", "new.txt": "package lib\n\nconst Answer = 42\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := runGo(t, root, nil, "build", "-overlay", "overlay.json")
	if r.Code != 0 || r.Stderr != "" {
		t.Fatalf("exit code %d: %s", r.Code, r.Stderr)
	}
	for name, want := range map[string]string{"lib.go": "return Answer", "new.go": "Answer = 42"} {
		got, err := os.ReadFile(filepath.Join(r.own(), "src", root, "lib", name))
		if err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// moduleProxy writes a module proxy's folder with one module and returns its
// URL.
func moduleProxy(t *testing.T, path, version string, files map[string]string) string {
	t.Helper()
	dir := proctest.Files(t, map[string]string{
		path + "/@v/" + version + ".info": `{"Version":"` + version + `"}`,
		path + "/@v/" + version + ".mod":  files["go.mod"],
		path + "/@v/list":                 version + "\n",
	})
	f, err := os.Create(filepath.Join(dir, path, "@v", version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for name, content := range files {
		w, err := z.Create(path + "@" + version + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return "file://" + dir
}

func TestInstalledVersionsAreRecordedWithTheirSources(t *testing.T) {
	proxy := moduleProxy(t, "example.com/hello", "v1.2.3", map[string]string{
		"go.mod": helloMod, "lib/lib.go": helloLib, "cmd/say/say.go": helloMain, "unused/u.go": "package unused\n",
	})
	bin, modcache := t.TempDir(), t.TempDir()
	env := []string{"GOPROXY=" + proxy, "GOSUMDB=off", "GOBIN=" + bin, "GOMODCACHE=" + modcache, "GOFLAGS=-modcacherw"}
	r := runGo(t, t.TempDir(), env, "install", "-ldflags=-s -w -X main.v=x", "example.com/hello/cmd/say@latest")
	if r.Code != 0 || r.Stderr != "go: downloading example.com/hello v1.2.3\n" {
		t.Fatalf("exit code %d: %s", r.Code, r.Stderr)
	}
	m := readManifest(t, r.capture)
	root := filepath.Join(modcache, "example.com", "hello@v1.2.3")
	if len(m.Programs) != 1 || m.Programs[0].Output != filepath.Join(bin, "say") || m.Module != "example.com/hello" || m.ModuleDir != root {
		t.Fatalf("manifest: %+v", m)
	}
	checkProgram(t, m.Programs[0].Output, "x 4\n", m.Programs[0].BuildID)
	checkSources(t, r.capture, root, []string{"go.mod", "cmd/say/say.go", "lib/lib.go"})
}
