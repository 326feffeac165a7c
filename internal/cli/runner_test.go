package cli_test

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"go.yaml.in/yaml/v3"
)

// action is action.yml.
type action struct {
	Inputs map[string]struct {
		Description, Default string
	}
	Outputs map[string]struct{ Value string }
	Runs    struct {
		Using string
		Steps []actionStep
	}
}

type actionStep struct {
	Name, ID, If, Shell, Uses, Run string
	Env, With                      map[string]string
}

func readAction(t *testing.T) action {
	t.Helper()
	data, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var a action
	if err := yaml.Unmarshal(data, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a action) step(t *testing.T, name string) actionStep {
	t.Helper()
	i := slices.IndexFunc(a.Runs.Steps, func(s actionStep) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("action.yml has no step %q", name)
	}
	return a.Runs.Steps[i]
}

// expression is one of GitHub's.
var expression = regexp.MustCompile(`\$\{\{ (.*?) \}\}`)

// runner runs steps of the action as GitHub's runner does. Its programs are in bin.
type runner struct {
	dir, bin string
	env      map[string]string
	contexts map[string]string // values of expressions that are no inputs
}

// newRunner has a dlvgen that records its call.
func newRunner(t *testing.T) *runner {
	t.Helper()
	proctest.RequirePrograms(t, "bash")
	dir := t.TempDir()
	r := &runner{dir: dir, bin: filepath.Join(dir, "bin"), contexts: map[string]string{
		"github.token": "token of the job", "github.action_ref": "v1.2.3", "steps.find.outputs.version": "v1.2.3", "steps.find.outputs.folder": filepath.Join(dir, "temp", "dlvgen-v1.2.3"),
	}}
	r.env = map[string]string{
		"PATH": r.bin + ":" + os.Getenv("PATH"), "HOME": dir, "RUNNER_TEMP": filepath.Join(dir, "temp"),
		"GITHUB_OUTPUT": filepath.Join(dir, "output"), "GITHUB_PATH": filepath.Join(dir, "path"),
		"GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "me/app", "GITHUB_SHA": "0123abcd", "GITHUB_REF": "refs/heads/main",
	}
	for _, folder := range []string{r.bin, r.env["RUNNER_TEMP"], filepath.Join(dir, "work")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r.program(t, "dlvgen", `printf '%s\0' "$@" >"$HOME/args"
env -0 >"$HOME/env"
for arg; do
	case $arg in --metadata-file=*) echo '{"remote": {}}' >"${arg#*=}" ;; esac
done
echo '[{"variant": "remote"}]'
`)
	return r
}

func (r *runner) program(t *testing.T, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.bin, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
}

// run runs a step with inputs, the defaults of the others included.
func (r *runner) run(t *testing.T, a action, step actionStep, inputs map[string]string) ran {
	t.Helper()
	if expression.MatchString(step.Run) {
		t.Fatalf("the script of %s has an expression, which is a way into it", step.Name)
	}
	values := maps.Clone(r.contexts)
	for name, input := range a.Inputs {
		values["inputs."+name] = expression.ReplaceAllStringFunc(input.Default, func(e string) string { return values[expression.FindStringSubmatch(e)[1]] })
	}
	for name, value := range inputs {
		if _, exists := a.Inputs[name]; !exists {
			t.Fatalf("action.yml has no input %s", name)
		}
		values["inputs."+name] = value
	}
	script := filepath.Join(r.dir, "script.sh")
	if err := os.WriteFile(script, []byte(step.Run), 0o600); err != nil {
		t.Fatal(err)
	}
	// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#exit-codes-and-error-action-preference
	cmd := exec.CommandContext(proctest.Context(t), "bash", "--noprofile", "--norc", "-eo", "pipefail", script)
	cmd.Dir = filepath.Join(r.dir, "work")
	for name, value := range r.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	for name, value := range step.Env {
		cmd.Env = append(cmd.Env, name+"="+expression.ReplaceAllStringFunc(value, func(e string) string {
			got, exists := values[expression.FindStringSubmatch(e)[1]]
			if !exists {
				t.Fatalf("%s: nothing is known of %s", step.Name, e)
			}
			return got
		}))
	}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	return ran{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// recorded are the words that the recording dlvgen was called with, and its variables.
func (r *runner) recorded(t *testing.T) (args []string, env map[string]string) {
	t.Helper()
	read := func(name string) []string {
		data, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
	}
	env = map[string]string{}
	for _, pair := range read("env") {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return read("args"), env
}

// outputs are those that a step has set, over several lines or on one.
func (r *runner) outputs(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile(r.env["GITHUB_OUTPUT"])
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	outputs := map[string]string{}
	for text := string(data); text != ""; {
		line, rest, _ := strings.Cut(text, "\n")
		if name, end, several := strings.Cut(line, "<<"); several {
			outputs[name], text, _ = strings.Cut(rest, "\n"+end+"\n")
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		outputs[name], text = value, rest
	}
	return outputs
}

// mustBuild runs the build with inputs, and returns dlvgen's words between those that are
// always the same, and its variables.
func (r *runner) mustBuild(t *testing.T, inputs map[string]string) (args []string, env map[string]string) {
	t.Helper()
	a := readAction(t)
	if got := r.run(t, a, a.step(t, "Build"), inputs); got.code != cli.ExitOK {
		t.Fatalf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	args, env = r.recorded(t)
	if len(args) < 4 || !slices.Equal(args[:3], []string{"build", "--progress=plain", "--format=json"}) || !strings.HasPrefix(args[3], "--metadata-file=") {
		t.Fatalf("dlvgen was called with %q", args)
	}
	return args[4:], env
}
