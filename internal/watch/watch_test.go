package watch

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// watched is a folder that is watched. The test gathers the hints itself, up to that of a file
// that it makes: the system tells of everything in its order.
type watched struct {
	dir string
	*Watcher
	in       chan hint
	controls int
}

func watchFolder(t *testing.T, files map[string]string, in Inputs) *watched {
	t.Helper()
	w := &watched{dir: proctest.Files(t, files), in: make(chan hint)}
	for i := range in.Folders {
		in.Folders[i].Dir = filepath.Join(w.dir, in.Folders[i].Dir)
	}
	for _, names := range [][]string{in.Files, in.Written} {
		for i := range names {
			names[i] = filepath.Join(w.dir, names[i])
		}
	}
	var err error
	if w.Watcher, err = Open(in); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(proctest.Context(t))
	ended := make(chan error)
	go func() { ended <- w.hints(ctx, w.in) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := w.events.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *watched) path(name string) string { return filepath.Join(w.dir, name) }

func (w *watched) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (w *watched) sh(t *testing.T, script string) {
	t.Helper()
	cmd := exec.CommandContext(proctest.Context(t), "sh", "-ec", script)
	cmd.Dir = w.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// saw are the changes that are told now.
func (w *watched) saw(t *testing.T) []string {
	t.Helper()
	w.controls++
	control := fmt.Sprintf("control-%d", w.controls)
	w.write(t, control, "x")
	return w.sees(t, w.until(t, func(h hint) bool { return filepath.Base(h.path) == control }))
}

// until gathers hints up to one.
func (w *watched) until(t *testing.T, last func(hint) bool) batch {
	t.Helper()
	for b := (batch{}); ; {
		select {
		case h := <-w.in:
			b[h.path] = b[h.path] || h.written
			if last(h) {
				return b
			}
		case <-proctest.Context(t).Done():
			t.Fatalf("the last hint does not come, but %v", b)
		}
	}
}

// sees are the changes that are told for hints, but those of controls.
func (w *watched) sees(t *testing.T, b batch) []string {
	t.Helper()
	err := make(chan error, 1)
	go func() { err <- w.take(proctest.Context(t), b) }()
	var names []string
	select {
	case names = <-w.Changes():
	case err := <-err:
		t.Fatalf("the control is not seen: %v", err)
	}
	if err := <-err; err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "control-") })
}

func TestChangesOfAFolder(t *testing.T) {
	w := watchFolder(t, map[string]string{
		"main.go": "one", "run.sh": "", "app.log": "", "sub/a.go": "a", "sub/deep/b.go": "b", "old/x/y.go": "", "left/out/z": "", ".git/HEAD": "",
		"swap/in/a.go": "", "other/in/a.go": "",
	}, Inputs{Folders: []Folder{{Ignored: []string{"*.log", "left"}}}})
	for _, step := range []struct {
		name, script string
		want         []string
	}{
		{"a write", `echo two > main.go`, []string{"main.go"}},
		{"a write of the same size with the same time", `touch -r main.go app.log; echo owt > main.go; touch -r app.log main.go`, []string{"main.go"}},
		{"an atomic save", `echo three > main.go.tmp; mv main.go.tmp main.go`, []string{"main.go"}},
		{"a save by Vim", `touch 4913; rm 4913; cp main.go .main.go.swp; mv main.go main.go~; echo four > main.go; rm main.go~ .main.go.swp`, []string{"main.go"}},
		{"a file that comes and goes", `echo x > temporary; rm temporary`, nil},
		{"another mode", `chmod 700 run.sh`, []string{"run.sh"}},
		{"the same mode", `chmod 700 run.sh`, nil},
		{"another access time", `cat main.go; touch -a main.go`, nil},
		{"what is left out", `echo x > app.log; echo x > left/out/z; mkdir left/new; echo x > left/new/a.go`, nil},
		{"what git writes", `echo x > .git/index.lock; mv .git/index.lock .git/index`, nil},
		{"new folders", `mkdir -p new/er; echo x > new/er/a.go`, []string{"new", "new/er", "new/er/a.go"}},
		{"in a new folder", `echo y > new/er/a.go`, []string{"new/er/a.go"}},
		{"a moved folder", `mv new/er sub/er`, []string{"new/er", "sub/er", "sub/er/a.go"}},
		{"in a moved folder", `echo z > sub/er/a.go`, []string{"sub/er/a.go"}},
		{"folders in each other's place", `mv swap third; mv other swap; mv third other`, []string{"other", "other/in", "other/in/a.go", "swap", "swap/in", "swap/in/a.go"}},
		{"in both of them", `echo x > swap/in/a.go; echo x > other/in/a.go`, []string{"other/in/a.go", "swap/in/a.go"}},
		{"a removed folder", `rm -r old`, []string{"old"}},
		{"a folder made again", `mkdir -p old/x; echo x > old/x/y.go`, []string{"old", "old/x", "old/x/y.go"}},
		{"in the folder made again", `echo y > old/x/y.go`, []string{"old/x/y.go"}},
		{"a symbolic link", `ln -s main.go link`, []string{"link"}},
		{"another target", `ln -sfn run.sh link`, []string{"link"}},
		{"a folder in the place of a file", `rm link; mkdir link; echo x > link/a`, []string{"link", "link/a"}},
		{"a file in the place of a folder", `rm -r link; echo x > link`, []string{"link", "link/a"}},
	} {
		w.sh(t, step.script)
		if got := w.saw(t); !slices.Equal(got, step.want) {
			t.Errorf("%s: saw %q, want %q", step.name, got, step.want)
		}
	}
}

// TestFilesCountWhereverTheyAre has a Dockerfile outside of the context, one in a folder that is
// left out, and a file that does not exist.
func TestFilesCountWhereverTheyAre(t *testing.T) {
	w := watchFolder(t, map[string]string{
		"context/left/Dockerfile": "", "context/left/other": "", "build/Dockerfile": "", "build/other": "", "shared/Dockerfile": "",
	}, Inputs{
		Folders: []Folder{{Dir: "context", Ignored: []string{"left"}}},
		Files:   []string{"context/left/Dockerfile", "build/Dockerfile", "build/Dockerfile.dockerignore"},
		Written: []string{"context/out"},
	})
	w.dir = w.path("context")
	for _, step := range []struct {
		script string
		want   []string
	}{
		{`echo x > ../build/Dockerfile; echo x > ../build/other`, []string{"../build/Dockerfile"}},
		{`echo x > ../build/new; mv ../build/new ../build/Dockerfile`, []string{"../build/Dockerfile"}},
		{`echo x > ../build/Dockerfile.dockerignore`, []string{"../build/Dockerfile.dockerignore"}},
		{`rm ../build/Dockerfile.dockerignore`, []string{"../build/Dockerfile.dockerignore"}},
		{`echo x > left/Dockerfile; echo x > left/other`, []string{"left/Dockerfile"}},
		{`mkdir out; echo x > out/image.tar`, nil},
	} {
		w.sh(t, step.script)
		got := w.saw(t)
		for i := range got {
			if rel, err := filepath.Rel(w.dir, got[i]); err == nil && filepath.IsAbs(got[i]) {
				got[i] = rel
			}
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("%s: saw %q, want %q", step.script, got, step.want)
		}
	}
}

func TestAFolderThatIsGoneEndsIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "context")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w, err := Open(Inputs{Folders: []Folder{{Dir: dir}}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- w.Run(proctest.Context(t)) }()
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "the folder "+dir+" is gone") {
		t.Errorf("it ends with %v", err)
	}
}
