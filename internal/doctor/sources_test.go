package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/variants"
)

const moduleFile = "module example.com/app\n\ngo 1.24\n"

const mainFile = `package main

import "example.com/app/store"

type service[T any] struct{ value T }

func (s *service[T]) run() T { return s.value }

func init() { started = true }

var started bool

func main() {
	defer func() {
		println(started)
	}()
	s := &service[int]{value: len(store.Name())}
	println(s.run())
	print(` + "`" + `
a text of

lines` + "`" + `)
}
`

const storeFile = `// Package store has a name.
package store

// Name is it.
func Name() string {
	return "a name"
}
`

// module is a git repository with a module, in which the files are committed.
func module(t *testing.T) string {
	t.Helper()
	dir := proctest.Files(t, map[string]string{"go.mod": moduleFile, "main.go": mainFile, "store/store.go": storeFile, "README": "text\n", "other/main.go": "package main\n\n// It is another program.\nfunc main() {}\n"})
	git(t, dir, "init", "--quiet")
	commit(t, dir)
	return dir
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(proctest.Context(t), "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+filepath.Join(t.TempDir(), "none"), "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func commit(t *testing.T, dir string) {
	t.Helper()
	git(t, dir, "add", "--all")
	git(t, dir, "commit", "--quiet", "--message", "a change")
}

// compile compiles the module as a debug image has it.
func compile(t *testing.T, dir string, flags ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	cmd := exec.CommandContext(proctest.Context(t), "go", append(append([]string{"build"}, flags...), "-o", file, ".")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// compared compares a checkout with a program that has no image.
func compared(t *testing.T, folder, file string) finding {
	t.Helper()
	facts, err := gobin.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := newCheckout(folder, facts.Info.Main.Path, facts)
	if !facts.DWARF {
		file = ""
	}
	undeclared := c.readCompiled(file, facts, variants.Labels{})
	return c.compareWithProgram(proctest.Context(t), facts, undeclared)
}

func wants(t *testing.T, f finding, status Status, texts ...string) {
	t.Helper()
	whole := strings.Join(append([]string{f.Found, f.Remedy}, f.Details...), "\n")
	if f.Status != status {
		t.Errorf("it is %s, want %s: %s", f.Status, status, whole)
	}
	for _, text := range texts {
		if !strings.Contains(whole, text) {
			t.Errorf("no %q in\n%s", text, whole)
		}
	}
}

func edit(t *testing.T, file, from, to string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), from) {
		t.Fatalf("%s has no %q", file, from)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAnotherCommitIsFound(t *testing.T) {
	proctest.RequirePrograms(t, "git", "go")
	for name, flags := range map[string][]string{
		"unoptimized":           {"-gcflags=all=-N -l"},
		"optimized, -trimpath":  {"-trimpath"},
		"stripped, by a commit": {"-ldflags=-s -w", "-trimpath"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := module(t)
			stamped := compile(t, dir, append([]string{"-buildvcs=true"}, flags...)...)
			plain := compile(t, dir, append([]string{"-buildvcs=false"}, flags...)...)
			first := git(t, dir, "rev-parse", "HEAD")
			stripped := strings.Contains(name, "stripped")

			wants(t, compared(t, dir, stamped), OK, dir, first[:12])
			if stripped {
				wants(t, compared(t, dir, plain), Warning, "cannot be told", "names no commit", "no debug information")
			} else {
				wants(t, compared(t, dir, plain), OK, " of "+dir+" are where the program has them", "a change within a line cannot be seen")
			}

			edit(t, filepath.Join(dir, "README"), "text", "other text") // is not compiled
			edit(t, filepath.Join(dir, "other", "main.go"), "other", "others")
			commit(t, dir)
			wants(t, compared(t, dir, stamped), OK, dir, first[:12])

			edit(t, filepath.Join(dir, "store", "store.go"), `"a name"`, `"another name"`)
			commit(t, dir)
			wants(t, compared(t, dir, stamped), Failed, "1 source file ", "store/store.go: it is not that of commit "+first[:12], "git checkout "+first)
			if !stripped {
				wants(t, compared(t, dir, plain), OK) // nothing but a text within a line
			}

			edit(t, filepath.Join(dir, "store", "store.go"), "// Name is it.", "// Name is it,\n// and is what it is.")
			wants(t, compared(t, dir, stamped), Failed, "store/store.go")
			if name == "unoptimized" { // else the function exists only inlined
				wants(t, compared(t, dir, plain), Failed, "1 source file ", "store/store.go: ", "line")
			}

			git(t, dir, "checkout", "--quiet", "--force", first)
			wants(t, compared(t, dir, stamped), OK)
			if err := os.Remove(filepath.Join(dir, "main.go")); err != nil {
				t.Fatal(err)
			}
			wants(t, compared(t, dir, stamped), Failed, "main.go")
			if !stripped {
				wants(t, compared(t, dir, plain), Failed, "main.go: it is not in the checkout")
			}
		})
	}
}

// TestACommitThatIsNotThereSaysNothing has a program of changes, and a clone without its commit.
func TestACommitThatIsNotThereSaysNothing(t *testing.T) {
	proctest.RequirePrograms(t, "git", "go")
	dir := module(t)
	stamped := compile(t, dir, "-buildvcs=true", "-gcflags=all=-N -l")
	edit(t, filepath.Join(dir, "main.go"), "println(started)", "println(!started)")
	dirty := compile(t, dir, "-buildvcs=true", "-gcflags=all=-N -l")
	head := git(t, dir, "rev-parse", "HEAD")
	wants(t, compared(t, dir, dirty), Warning, "changes beyond commit "+head[:12], "main.go: it is not that of commit "+head[:12], "with changes: `git checkout "+head)
	git(t, dir, "checkout", "--quiet", "--force", head)
	wants(t, compared(t, dir, dirty), OK, "has the sources of commit "+head[:12], "changes beyond commit "+head[:12])
	wants(t, compared(t, module(t), stamped), OK, "does not have the commit")
	none := proctest.Files(t, map[string]string{"go.mod": moduleFile, "main.go": mainFile, "store/store.go": storeFile})
	wants(t, compared(t, none, stamped), OK, "is no git repository")
	edit(t, filepath.Join(none, "main.go"), "func (s *service[T]) run()", "\nfunc (s *service[T]) run()")
	wants(t, compared(t, none, stamped), Failed, "main.go: ", "was compiled from line 7, and is at line 8 here")
	edit(t, filepath.Join(none, "main.go"), "package main", "package main (")
	wants(t, compared(t, none, stamped), Failed, "main.go: it is not valid Go")
}

// folderFiles are files of this machine, as an image's.
type folderFiles string

func (f folderFiles) each(_ context.Context, at string, read func(string, io.Reader) error) error {
	return filepath.WalkDir(filepath.Join(string(f), at), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := os.Open(filepath.Clean(name))
		if err != nil {
			return err
		}
		return errors.Join(read(strings.TrimPrefix(name, string(f)), file), file.Close())
	})
}

func TestFilesAreNamed(t *testing.T) {
	image, here := map[string]string{}, map[string]string{"a.go": "package a\r\n"}
	for i := range 12 {
		image[fmt.Sprintf("src/f%02d.go", i)] = "package f\n"
		here[fmt.Sprintf("f%02d.go", i)] = "package g\n"
	}
	image["src/a.go"] = "package a\n"
	image["src/asm.s"] = "// text\n"
	image["src/f_test.go"], image["src/f_windows.go"] = "package f\n", "package f\n" // here they are not compiled
	here["f_windows.go"] = "package g\n"
	image["src/notes.txt"], image["etc/passwd"] = "no source", "root"
	folder := proctest.Files(t, here)
	c := &checkout{folder: folder, module: "example.com/app"}
	result, err := c.compareFiles(proctest.Context(t), folderFiles(proctest.Files(t, image)), "/src")
	if err != nil {
		t.Fatal(err)
	}
	facts, err := gobin.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	f := c.concludeFiles(result, "app:v1-debug-src", facts)
	wants(t, f, Failed, "13 of the 14 source files of app:v1-debug-src differ from those of "+folder+": asm.s, f00.go, f01.go and 10 more",
		"asm.s: it is not in the checkout", "f08.go: its content is another", "and 3 more")
	if len(f.Details) != maxNamed+1 {
		t.Errorf("%d lines: %q", len(f.Details), f.Details)
	}
}

func TestNamesOfFunctions(t *testing.T) {
	for name, want := range map[string]string{
		"main": "main", "(*DB).Close": "DB.Close", "DB.Close": "DB.Close", "(*DB[go.shape.int,go.shape.[]uint8]).Close": "DB.Close",
		"Map[...]": "Map", "main.func1": "", "init": "", "init.0": "", "init.func2": "", "(*DB).Close.gowrap1": "", "(*DB).Close-fm": "",
		"glob..func1": "", "main.func1.2": "", "init.0.func1": "", "Map[go.shape.int].func1": "", "main.deferwrap1": "", "": "",
	} {
		if got, ok := localName(name); got != want || ok != (want != "") {
			t.Errorf("%s is %q, %v, want %q", name, got, ok, want)
		}
	}
}

// TestTheStandardLibraryIsWhatWasCompiled compares the packages of a program with the machine's
// GOROOT, which has every kind of Go file: nothing of them may count as different.
func TestTheStandardLibraryIsWhatWasCompiled(t *testing.T) {
	proctest.RequirePrograms(t, "go")
	dir := proctest.Files(t, map[string]string{"go.mod": moduleFile, "main.go": `package main

import (
	"encoding/json"
	"os"
	"text/template"
)

func main() {
	_ = json.NewEncoder(os.Stdout).Encode(1)
	_ = template.Must(template.New("").Parse("")).Execute(os.Stdout, nil)
}
`})
	out, err := exec.CommandContext(proctest.Context(t), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(strings.TrimSpace(string(out)), "src")
	for _, flags := range [][]string{nil, {"-gcflags=all=-N -l"}} {
		file := compile(t, dir, flags...)
		facts, err := gobin.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c := newCheckout(root, "std", facts)
		if err := c.readCompiled(file, facts, variants.Labels{Paths: []variants.PathRule{{Path: root, Kind: variants.PathModule, Module: "std"}}}); err != nil {
			t.Fatal(err)
		}
		result := &comparison{}
		c.compareLines(result)
		const few = 300
		if result.files < few || len(result.differs) > 0 {
			t.Errorf("%d files of %d differ: %q", len(result.differs), result.files, result.differs)
		}
	}
}
