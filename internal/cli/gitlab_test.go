package cli_test

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// gitlabJob is the job of templates/build.yml.
type gitlabJob struct {
	Stage, Image string
	Rules        []map[string]string
	Services     []struct{ Name, Alias string }
	Variables    map[string]string
	Script       []string
	AfterScript  []string `yaml:"after_script"`
	Cache        struct {
		Key   string
		Paths []string
	}
}

var interpolation = regexp.MustCompile(`\$\[\[ inputs\.([a-z-]+) \]\]`)

// readGitLab reads the template as GitLab does, with inputs in it.
func readGitLab(t *testing.T, inputs map[string]string) (name string, job gitlabJob) {
	t.Helper()
	data, err := os.ReadFile("../../templates/build.yml")
	if err != nil {
		t.Fatal(err)
	}
	var header struct {
		Spec struct {
			Inputs map[string]struct{ Default yaml.Node }
		}
	}
	var jobs yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(string(data)))
	if err := decoder.Decode(&header); err != nil {
		t.Fatal(err)
	}
	if err := decoder.Decode(&jobs); err != nil {
		t.Fatal(err)
	}
	for name := range inputs {
		if _, exists := header.Spec.Inputs[name]; !exists {
			t.Fatalf("the template has no input %s", name)
		}
	}
	var fill func(*yaml.Node)
	fill = func(n *yaml.Node) {
		for _, child := range n.Content {
			fill(child)
		}
		if m := interpolation.FindStringSubmatch(n.Value); len(m) == 2 && m[0] == n.Value && header.Spec.Inputs[m[1]].Default.Kind == yaml.SequenceNode {
			*n = header.Spec.Inputs[m[1]].Default
			return
		}
		n.Value = interpolation.ReplaceAllStringFunc(n.Value, func(s string) string {
			name := interpolation.FindStringSubmatch(s)[1]
			input, exists := header.Spec.Inputs[name]
			value, given := inputs[name]
			if !exists || !given && input.Default.IsZero() {
				t.Fatalf("input %s has no value", name)
			}
			if !given {
				value = input.Default.Value
			}
			return value
		})
	}
	fill(&jobs)
	var all map[string]gitlabJob
	if err := jobs.Decode(&all); err != nil {
		t.Fatal(err)
	}
	for name, job := range all {
		return name, job
	}
	t.Fatal("the template has no job")
	return "", gitlabJob{}
}

// runJob runs the job as GitLab's runner does, with variables of the pipeline.
func (r *runner) runJob(t *testing.T, job gitlabJob, pipeline map[string]string) ran {
	t.Helper()
	known := regexp.MustCompile(`\$CI_[A-Z_]+`)
	env := []string{"TMPDIR=" + r.env["RUNNER_TEMP"], "HOME=" + r.dir, "PATH=" + r.env["PATH"], callEnv + "=" + r.env[callEnv]}
	for name, value := range pipeline {
		env = append(env, name+"="+value)
	}
	for name, value := range job.Variables {
		env = append(env, name+"="+known.ReplaceAllStringFunc(value, func(v string) string { return pipeline[v[1:]] }))
	}
	if host := r.env["BUILDKIT_HOST"]; host != "" {
		env = append(env, "BUILDKIT_HOST="+host) // instead of the service
	}
	sh := func(lines []string) ran {
		cmd := exec.CommandContext(proctest.Context(t), "sh", "-c", "set -e\n"+strings.Join(lines, "\n"))
		cmd.Dir, cmd.Env = filepath.Join(r.dir, "work"), env
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run()
		return ran{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	}
	got := sh(job.Script)
	if after := sh(job.AfterScript); after.code != 0 {
		t.Errorf("after the script: %s%s", after.stdout, after.stderr)
	}
	return got
}

// files are all in the project's folder.
func (r *runner) files(t *testing.T) (list []string) {
	t.Helper()
	work := os.DirFS(filepath.Join(r.dir, "work"))
	err := fs.WalkDir(work, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestTheGitLabJobPassesInputsOnAndLeavesThemOutOfTheShell(t *testing.T) {
	const evil = "x$(touch pwned)`touch pwned`;touch pwned;'\"; touch pwned #\\ ${HOME} $HOME * ~"
	r := newRunner(t)
	name, job := readGitLab(t, map[string]string{
		"tags": "$CI_REGISTRY_IMAGE:$CI_COMMIT_SHA\n" + evil, "variants": "remote,attach", "file": evil, "target": "final", "platforms": "linux/amd64,linux/arm64",
		"build-args": "A=1,2\n\nB=with spaces", "labels": "l=v", "secrets": "id=npm,env=NPM_TOKEN", "cache-from": "type=registry,ref=a\ntype=registry,ref=b",
		"cache-to": "type=inline", "flags": "--start=continue\n--delve-arg=--log --log-output=dap", "context": evil,
	})
	pipeline := map[string]string{"CI_REGISTRY_IMAGE": "gitlab.example/me/app", "CI_COMMIT_SHA": "0123abcd", "CI_REGISTRY": "gitlab.example", "CI_REGISTRY_USER": "me", "CI_REGISTRY_PASSWORD": "secret word"}
	if got := r.runJob(t, job, pipeline); got.code != cli.ExitOK || !strings.Contains(got.stdout, `[{"variant": "remote"}]`) {
		t.Fatalf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	args, env := r.recorded(t)
	want := []string{
		"build", "--push", "--progress=plain", "--format=json", "--tag=gitlab.example/me/app:0123abcd", "--tag=" + evil, "--variant=remote,attach", "--file=" + evil,
		"--target=final", "--platform=linux/amd64,linux/arm64", "--build-arg=A=1,2", "--build-arg=B=with spaces", "--label=l=v", "--secret=id=npm,env=NPM_TOKEN",
		"--cache-from=type=registry,ref=a", "--cache-from=type=registry,ref=b", "--cache-to=type=inline", "--start=continue", "--delve-arg=--log --log-output=dap", "--", evil,
	}
	if diff := cmp.Diff(want, args); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := r.files(t); len(got) != 1 || got[0] != "dlvgen.json" {
		t.Errorf("the project's folder has %q", got)
	}
	credentials := fmt.Sprintf("{\"auths\": {\"gitlab.example\": {\"auth\": %q}}}\n", base64.StdEncoding.EncodeToString([]byte("me:secret word")))
	for _, own := range []string{"", `{"auths": {"other.example": {"auth": "eDp5"}}}`} {
		if own != "" {
			pipeline["DOCKER_AUTH_CONFIG"], credentials = own, own+"\n"
			if got := r.runJob(t, job, pipeline); got.code != cli.ExitOK {
				t.Fatalf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
			}
		}
		if config, err := os.ReadFile(filepath.Join(env["DOCKER_CONFIG"], "config.json")); err != nil || string(config) != credentials {
			t.Errorf("the credentials are %s, %v", config, err)
		}
	}
	if name != "debug-images" || job.Stage != "build" || len(job.Rules) != 1 || job.Rules[0]["when"] != "on_success" || job.Services[0].Alias != "buildkit" || env["BUILDKIT_HOST"] != "tcp://buildkit:1234" {
		t.Errorf("the job %s is %+v", name, job)
	}
}

func TestTheGitLabJobInstallsDlvgenOnce(t *testing.T) {
	r := newRunner(t)
	recording, err := os.ReadFile(filepath.Join(r.bin, "dlvgen"))
	if err != nil {
		t.Fatal(err)
	}
	// The project's folder is the build context: what the job brings is not in it meanwhile.
	if err := os.Remove(filepath.Join(r.bin, "dlvgen")); err != nil {
		t.Fatal(err)
	}
	r.program(t, "recording", strings.TrimPrefix(string(recording), "#!/bin/sh\n")+"ls -A >>\"$HOME/context\"\n")
	r.program(t, "go", `echo "$PWD $*" >>"$HOME/go"; mkdir -p "$GOBIN"; cp "$(command -v recording)" "$GOBIN/dlvgen"`+"\n")
	_, job := readGitLab(t, map[string]string{"tags": "app:v1", "version": "v1.2.3"})
	for range 2 {
		if got := r.runJob(t, job, nil); got.code != cli.ExitOK {
			t.Fatalf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
		}
		if err := os.RemoveAll(filepath.Join(r.env["RUNNER_TEMP"], "dlvgen-job")); err != nil { // the next job has the cache alone
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(r.dir, "work", "dlvgen.json")); err != nil {
			t.Fatal(err)
		}
	}
	if calls, err := os.ReadFile(filepath.Join(r.dir, "go")); err != nil || string(calls) != "/ install github.com/dlvgen/dlvgen/cmd/dlvgen@v1.2.3\n" {
		t.Errorf("go was called with %q, %v", calls, err)
	}
	if context, err := os.ReadFile(filepath.Join(r.dir, "context")); err != nil || len(context) > 0 {
		t.Errorf("the context has %q, %v", context, err)
	}
	if got := r.files(t); job.Cache.Key != "dlvgen-v1.2.3" || len(got) != 1 || got[0] != ".dlvgen/bin/dlvgen" {
		t.Errorf("the cache %s has %q", job.Cache.Key, got)
	}
	if err := os.RemoveAll(filepath.Join(r.dir, "work", ".dlvgen")); err != nil {
		t.Fatal(err)
	}
	_, job = readGitLab(t, map[string]string{"tags": "app:v1"})
	refused(t, r.runJob(t, job, nil), cli.ExitFailure, "set the input version")
}
