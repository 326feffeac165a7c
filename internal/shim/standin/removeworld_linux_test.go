//go:build !race

package standin

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/shim/mounts"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

// removeWorld has two folders for one command line of rm: plain, as production has
// it, and step, with mounts of ours. The user's mounts are in both.
type removeWorld struct {
	t           *testing.T
	plain, step string
	caches      string // what the mounts show, on a file system of its own
	real        string
}

// Mount points below both folders. Those of files stand for go commands.
var (
	ownFiles    = []string{"go/bin/go", "-held/go"}
	ownFolders  = []string{"gopath/pkg/mod", "lone/mod", "both/ours"}
	theirMounts = []string{"both/theirs", "theirs/cache"}
)

// removeTree is what both folders have: content of files, "" for a folder, "->" and
// more for a link.
var removeTree = map[string]string{
	"go/bin/go": "go", "go/bin/gofmt": "x", "go/src/fmt/print.go": "x", "go/-x": "x", "go/.hidden": "x", "go/sidelink": "->../other",
	"gopath/pkg/mod/lock": "x", "gopath/pkg/sumdb/x": "x", "gopath/vendor": "",
	"lone/mod": "", "both/ours/lock": "x", "both/theirs/kept": "x", "both/rest": "x", "theirs/cache/kept": "x", "theirs/rest": "x",
	"-held/go": "go", "-held/beside": "x", "-rf": "x", "two words": "x", "empty": "", "file": "x",
	"other/file": "x", "other/sub/deep": "x", "other/-f": "x",
	"link": "->gopath", "golink": "->go", "up": "->.", "dangling": "->nowhere", "other/back": "->../gopath/pkg",
}

// newRemoveWorld puts the calling goroutine in a mount namespace of its own, for
// good, in which nothing but the world can be changed.
func newRemoveWorld(t *testing.T) *removeWorld {
	t.Helper()
	proctest.RequireRoot(t)
	dir, err := filepath.EvalSymlinks(os.TempDir()) // in the namespace it is empty
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		proctest.Missing(t, "this test needs a mount namespace of its own: %v", err)
	}
	w := &removeWorld{
		t: t, plain: dir + "/plain/world", step: dir + "/step/world", real: dir + "/dlvgen/real", caches: dir + "/caches",
	}
	w.try(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	points, err := mounts.Read(threadMounts)
	w.try(err)
	for point := range points {
		// Some can't be; the root can.
		err := syscall.Mount("", point, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, "")
		if point == "/" {
			w.try(err)
		}
	}
	w.try(syscall.Mount("tmpfs", dir, "tmpfs", 0, ""))
	w.try(os.Mkdir(w.caches, 0o755))
	w.try(syscall.Mount("tmpfs", w.caches, "tmpfs", 0, ""))
	for _, name := range ownFiles {
		twin := w.real + w.step + "/" + name
		w.write(twin, "go")
		w.try(syscall.Mount(twin, twin, "", syscall.MS_BIND, ""))
	}
	return w
}

// threadMounts are the mounts of the calling thread.
const threadMounts = "/proc/thread-self/mountinfo"

func (w *removeWorld) try(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *removeWorld) write(name, content string) {
	w.t.Helper()
	w.try(os.MkdirAll(filepath.Dir(name), 0o755))
	target, isLink := strings.CutPrefix(content, "->")
	switch {
	case content == "":
		w.try(os.MkdirAll(name, 0o755))
	case isLink:
		w.try(os.Symlink(target, name))
	default:
		w.try(os.WriteFile(name, []byte(content), 0o755))
	}
}

// reset makes both folders anew, with their mounts.
func (w *removeWorld) reset() {
	w.t.Helper()
	w.try(os.Chdir("/"))
	for _, root := range []string{w.step, w.plain} {
		// With a file system go all mounts below it, in one wait of the kernel.
		around := filepath.Dir(root)
		_ = syscall.Unmount(around, syscall.MNT_DETACH) // the first time there is none
		w.try(os.MkdirAll(around, 0o755))
		w.try(syscall.Mount("tmpfs", around, "tmpfs", 0, ""))
		for name, content := range removeTree {
			w.write(filepath.Join(root, name), content)
		}
	}
	entries, err := os.ReadDir(w.caches)
	w.try(err)
	for _, e := range entries {
		w.try(os.RemoveAll(filepath.Join(w.caches, e.Name())))
	}
	for _, root := range []string{w.step, w.plain} {
		for _, name := range theirMounts {
			w.mount(root, name, "theirs-"+filepath.Base(filepath.Dir(root))+"-"+strings.ReplaceAll(name, "/", "-"))
		}
	}
	for _, name := range slices.Concat(ownFolders, ownFiles) {
		w.mount(w.step, name, layout.CachePrefix+strings.ReplaceAll(name, "/", "-"))
	}
}

// mount shows a copy of what is there, in a folder of caches.
func (w *removeWorld) mount(root, name, shown string) {
	w.t.Helper()
	from, to := filepath.Join(w.caches, shown), filepath.Join(root, name)
	if slices.Contains(ownFiles, name) {
		from = filepath.Join(w.caches, "stand-in")
		w.write(from, "go")
	} else {
		w.try(os.MkdirAll(from, 0o755))
		w.try(os.CopyFS(from, os.DirFS(to)))
	}
	w.try(syscall.Mount(from, to, "", syscall.MS_BIND, ""))
}

// removed is how one call ended, and what it left.
type removed struct {
	code           int
	stdout, stderr []string
	tree           []string
}

// removeCall is one command line of rm.
type removeCall struct {
	folder string // below the root
	args   []string
	posix  bool
	stdin  string
}

func (c removeCall) String() string {
	return fmt.Sprintf("in %q, POSIXLY_CORRECT %v, answers %v: rm %q", c.folder, c.posix, c.stdin != "", c.args)
}

// rootWord stands for the folder of the call in its arguments.
const rootWord = "ROOT"

func (c removeCall) argsIn(root string) []string {
	var args []string
	for _, word := range c.args {
		args = append(args, strings.Replace(word, rootWord, root, 1))
	}
	return args
}

// run runs a call in one of the folders, by the real rm or, in a step, by ours.
func (w *removeWorld) run(c removeCall, root string, real string) removed {
	w.t.Helper()
	w.try(os.Chdir(filepath.Join(root, c.folder)))
	env := []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}
	if c.posix {
		env = append(env, "POSIXLY_CORRECT=")
	}
	files := map[string]*os.File{}
	defer func() {
		for _, f := range files {
			w.try(f.Close())
		}
	}()
	for _, name := range []string{"stdin", "stdout", "stderr"} {
		f, err := os.Create(filepath.Join(w.real, name))
		w.try(err)
		files[name] = f
	}
	_, err := files["stdin"].WriteString(c.stdin)
	w.try(err)
	_, err = files["stdin"].Seek(0, 0)
	w.try(err)
	s := step.Step{
		Real: w.real, Mountinfo: threadMounts, Name: "rm", Env: env,
		Stdin: files["stdin"], Stdout: files["stdout"], Stderr: files["stderr"],
	}
	var got removed
	args := c.argsIn(root)
	r, err := aroundMounts(s, real, args)
	w.try(err)
	if root == w.plain && r.edits() {
		w.t.Fatalf("rm %q is edited where no mount of ours is", args)
	}
	if r.edits() {
		got.code = r.settle(s, s.Child(real, r.args, env))
	} else {
		got.code = s.Child(real, args, env)
	}
	w.try(os.Chdir("/"))
	got.stdout, got.stderr = w.lines("stdout", root), w.lines("stderr", root)
	got.tree = w.list(root)
	return got
}

// lines are those of a file, in order, as if all folders had one name.
func (w *removeWorld) lines(name, root string) []string {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.real, name))
	w.try(err)
	text := strings.ReplaceAll(string(bytes.TrimSpace(data)), root, rootWord)
	text = strings.ReplaceAll(text, "can't remove", "cannot remove") // as busybox says it
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		ofMounts := strings.HasSuffix(line, "Device or resource busy") || strings.HasSuffix(line, "Directory not empty") ||
			strings.HasSuffix(line, "both/ours', since it's on a different device")
		if line != "" && !ofMounts {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

// list is the tree outside our mounts, without the folders that lead to them.
func (w *removeWorld) list(root string) []string {
	w.t.Helper()
	own := slices.Concat(ownFiles, ownFolders)
	var tree []string
	w.try(filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		name := strings.TrimPrefix(strings.TrimPrefix(path, root), "/")
		if err != nil || name == "" || mounts.AnyWithin(own, name) || slices.ContainsFunc(own, func(o string) bool { return mounts.IsWithin(name, o) }) {
			return err
		}
		tree = append(tree, name)
		return nil
	}))
	return tree
}

// cached lists what the module caches hold.
func (w *removeWorld) cached() []string {
	w.t.Helper()
	matches, err := filepath.Glob(filepath.Join(w.caches, layout.CachePrefix+"*", "*"))
	w.try(err)
	return matches
}

// realRemovers are the programs to compare with.
func realRemovers(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for name, program := range map[string]string{"GNU": "rm", "busybox": "busybox"} {
		proctest.RequirePrograms(t, program)
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatal(err)
		}
		found[name] = path
	}
	return found
}
