package testenv_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// hugePages is the machine's setting that .ci/run changes while it runs
// (Documentation/admin-guide/mm/transhuge.rst in Linux).
const hugePages = "/sys/kernel/mm/transparent_hugepage/enabled"

// TestCIRecordsTheTreeThatPassed runs .ci/run in a repository of its own, beside a make
// that does nothing but what the case says.
func TestCIRecordsTheTreeThatPassed(t *testing.T) {
	for name, tc := range map[string]struct {
		before, make string
		budget       string // of seconds
		code         int
		recorded     bool
		says         string
	}{
		"clean":             {before: "touch ignored", make: "exit 0", recorded: true},
		"failed":            {make: "exit 2", code: 2},
		"with new files":    {before: "touch new", make: "exit 0"},
		"with changes":      {before: "echo >>.gitignore", make: "exit 0"},
		"changed meanwhile": {make: "echo >>.gitignore"},
		"with huge pages":   {make: `[ ! -w ` + hugePages + ` ] || grep -F "[always]" ` + hugePages, recorded: true},
		"with time left":    {make: `[ "$1" = test ] || { echo ran "$1"; exit 3; }`, budget: "1000", says: "ran test-published", code: 3},
		"without":           {make: `[ "$1" = test ]`, budget: "10", recorded: true, says: "make test-published is not run: "},
	} {
		t.Run(name, func(t *testing.T) {
			repo, tmp := ciRepository(t, tc.make), t.TempDir()
			record := filepath.Join(tmp, "dlvgen-ci-passed")
			if err := os.WriteFile(record, []byte("of a run before\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			pages, _ := os.ReadFile(hugePages)
			tree := inShell(t, repo, "git rev-parse 'HEAD^{tree}'")
			inShell(t, repo, tc.before)
			ci := exec.CommandContext(proctest.Context(t), ".ci/run")
			ci.Dir, ci.Env = repo, append(os.Environ(), "TMPDIR="+tmp, "PATH="+filepath.Join(repo, ".git", "bin")+":"+os.Getenv("PATH"), "CI_BUDGET="+tc.budget)
			out, err := ci.CombinedOutput()
			if code := ci.ProcessState.ExitCode(); code != tc.code {
				t.Fatalf("exit code %d, %v, want %d:\n%s", code, err, tc.code, out)
			}
			if after, _ := os.ReadFile(hugePages); !bytes.Equal(after, pages) {
				t.Errorf("%s is left as %q, want %q", hugePages, after, pages)
			}
			if !strings.Contains(string(out), tc.says) {
				t.Errorf("it says nothing of %q:\n%s", tc.says, out)
			}
			got, err := os.ReadFile(record)
			switch {
			case tc.recorded && string(got) != tree:
				t.Errorf("recorded is %q, %v, want %q", got, err, tree)
			case !tc.recorded && !errors.Is(err, os.ErrNotExist):
				t.Errorf("recorded is %q, %v, want nothing", got, err)
			}
		})
	}
}

// ciRepository is a commit of .ci/run, with a make along its .git/bin.
func ciRepository(t *testing.T, script string) string {
	t.Helper()
	root, err := testenv.RepoRoot()
	if err != nil {
		t.Fatal(err)
	}
	run, err := os.ReadFile(filepath.Join(root, ".ci", "run"))
	if err != nil {
		t.Fatal(err)
	}
	repo := t.TempDir()
	inShell(t, repo, "git init --quiet . && mkdir -p .git/bin")
	for file, text := range map[string]string{
		".ci/run": string(run), "hack/setup": "#!/bin/sh\n", ".gitignore": "ignored\n", ".git/bin/make": "#!/bin/sh\n" + script + "\n",
	} {
		file = filepath.Join(repo, file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	inShell(t, repo, "git add . && git -c user.name=test -c user.email=test@example.com commit --quiet -m test")
	return repo
}

// inShell is what a script prints that has to succeed.
func inShell(t *testing.T, dir, script string) string {
	t.Helper()
	cmd := exec.CommandContext(proctest.Context(t), "sh", "-c", script)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v: %s", script, err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String()
}
