package cli_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/google/go-cmp/cmp"
)

func TestTheActionPassesEveryInputOn(t *testing.T) {
	inputs, want := map[string]string{}, []string{}
	for _, one := range []struct{ name, value string }{
		{"variants", "remote, attach"}, {"config", "a b.yaml"}, {"add-hosts", "a:1.1.1.1,b:1.1.1.2"}, {"allow", "network.host"},
		{"annotations", "index:a=b,c"}, {"attests", "type=sbom,generator=x"}, {"build-args", "A=1,2\n\n  B=with spaces  \r\nC=\"in quotes\""},
		{"build-contexts", "a=./a b"}, {"builder", "far"}, {"cache-from", "type=registry,ref=a\ntype=local,src=b"}, {"cache-to", "type=inline"},
		{"file", "docker/My Dockerfile"}, {"labels", "l=v,w\n\"m=one \"\"quoted\"\"\nline\""}, {"load", "true"}, {"network", "host"}, {"no-cache", "TRUE"},
		{"no-cache-filters", "a,b"}, {"outputs", "type=oci,dest=x.tar"}, {"platforms", "linux/amd64,linux/arm64"}, {"provenance", "mode=max"}, {"pull", "true"},
		{"push", "true"}, {"sbom", "true"}, {"shm-size", "1m"}, {"ssh", "default"}, {"tags", "a.example/app:v1,a.example/app:v2\nb.example/app:v1"},
		{"target", "final"}, {"ulimit", "nofile=1:2"}, {"flags", "--start=continue\n--delve-arg=--log --log-output=dap"}, {"context", "./service"},
	} {
		inputs[one.name] = one.value
	}
	want = append(want, "--variant=remote", "--variant=attach", "--config=a b.yaml", "--add-host=a:1.1.1.1", "--add-host=b:1.1.1.2", "--allow=network.host",
		"--annotation=index:a=b,c", "--attest=type=sbom,generator=x", "--build-arg=A=1,2", "--build-arg=B=with spaces", `--build-arg=C="in quotes"`,
		"--build-context=a=./a b", "--builder=far", "--cache-from=type=registry,ref=a", "--cache-from=type=local,src=b", "--cache-to=type=inline",
		"--file=docker/My Dockerfile", "--label=l=v,w", "--label=m=one \"quoted\"\nline", "--load", "--network=host", "--no-cache",
		"--no-cache-filter=a", "--no-cache-filter=b", "--output=type=oci,dest=x.tar", "--platform=linux/amd64", "--platform=linux/arm64", "--provenance=mode=max", "--pull",
		"--push", "--sbom=true", "--shm-size=1m", "--ssh=default", "--tag=a.example/app:v1", "--tag=a.example/app:v2", "--tag=b.example/app:v1",
		"--target=final", "--ulimit=nofile=1:2", "--start=continue", "--delve-arg=--log --log-output=dap", "--", "./service")
	r := newRunner(t)
	got, _ := r.mustBuild(t, inputs)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if outputs, want := r.outputs(t), map[string]string{"digests": `[{"variant": "remote"}]`, "metadata": `{"remote": {}}`}; !maps.Equal(outputs, want) {
		t.Errorf("the outputs are %q", outputs)
	}
	for name := range readAction(t).Inputs {
		if _, tried := inputs[name]; !tried && !slices.Contains([]string{"version", "github-token", "secrets", "secret-envs", "secret-files"}, name) {
			t.Errorf("input %s is not tried", name)
		}
	}
}

func TestTheActionPassesFlagsThatThereAre(t *testing.T) {
	// Completion lists the flags.
	var stdout bytes.Buffer
	if code := cli.Run(proctest.Context(t), []string{"__complete", "build", "--"}, nil, &stdout, &bytes.Buffer{}); code != cli.ExitOK {
		t.Fatalf("exit code %d", code)
	}
	calls := regexp.MustCompile(`(?m)^(?:one|switch|lines|words) ([a-z-]+) `).FindAllStringSubmatch(readAction(t).step(t, "Build").Run, -1)
	if len(calls) < 20 {
		t.Fatalf("the script passes %q", calls)
	}
	for _, call := range calls {
		if !strings.Contains(stdout.String(), "--"+call[1]+"\t") {
			t.Errorf("dlvgen build has no flag --%s", call[1])
		}
	}
}

func TestTheActionLeavesInputsOutOfTheShell(t *testing.T) {
	const evil = "x$(touch pwned)`touch pwned`;touch pwned;'\"; touch pwned #\\\n--push\n${{ github.token }}\n* ~"
	r := newRunner(t)
	var want []string
	for _, word := range strings.Split(evil, "\n") {
		want = append(want, "--tag="+word)
	}
	args, _ := r.mustBuild(t, map[string]string{"tags": evil, "file": evil, "context": evil, "variants": "", "secrets": "id=" + strings.ReplaceAll(evil, "\n", " ")})
	want = append([]string{"--file=" + evil, `--secret="id=id","env=DLVGEN_SECRET_0"`}, append(want, "--", evil)...)
	if diff := cmp.Diff(want, args); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if left, err := os.ReadDir(filepath.Join(r.dir, "work")); err != nil || len(left) > 0 {
		t.Errorf("the folder has %v, %v", left, err)
	}
}

func TestTheActionKeepsSecretsOutOfTheArguments(t *testing.T) {
	r := newRunner(t)
	args, env := r.mustBuild(t, map[string]string{
		"variants": "", "context": ".",
		"secrets":      "npm=a=b,c\n\"key=-----BEGIN\n  \"\"KEY\"\"-----\n\"",
		"secret-envs":  "netrc=NETRC,other=OTHER",
		"secret-files": "file=./a,b \"c\"",
	})
	want := []string{
		`--secret="id=npm","env=DLVGEN_SECRET_0"`, `--secret="id=key","env=DLVGEN_SECRET_1"`,
		`--secret="id=netrc","env=NETRC"`, `--secret="id=other","env=OTHER"`, `--secret="id=file","src=./a,b ""c"""`, "--", ".",
	}
	if diff := cmp.Diff(want, args); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if env["DLVGEN_SECRET_0"] != "a=b,c" || env["DLVGEN_SECRET_1"] != "-----BEGIN\n  \"KEY\"-----\n" {
		t.Errorf("the secrets are %q and %q", env["DLVGEN_SECRET_0"], env["DLVGEN_SECRET_1"])
	}
}

func TestTheActionBuildsTheCommitOfTheWorkflow(t *testing.T) {
	for _, test := range []struct {
		ref    string
		inputs map[string]string
		want   []string
	}{
		{"refs/heads/main", nil, []string{`--secret="id=GIT_AUTH_TOKEN.github.example","env=DLVGEN_GITHUB_TOKEN"`, "--", "https://github.example/me/app.git#0123abcd"}},
		{"refs/pull/7/merge", map[string]string{"github-token": ""}, []string{"--", "https://github.example/me/app.git#refs/pull/7/merge"}},
		{"refs/heads/main", map[string]string{"secrets": "GIT_AUTH_TOKEN=mine"}, []string{`--secret="id=GIT_AUTH_TOKEN","env=DLVGEN_SECRET_0"`, "--", "https://github.example/me/app.git#0123abcd"}},
		{"refs/heads/main", map[string]string{"context": "https://elsewhere.example/me/app.git"}, []string{"--", "https://elsewhere.example/me/app.git"}},
	} {
		r := newRunner(t)
		r.env["GITHUB_REF"] = test.ref
		inputs := map[string]string{"variants": ""}
		maps.Copy(inputs, test.inputs)
		args, env := r.mustBuild(t, inputs)
		if diff := cmp.Diff(test.want, args); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.ref, diff)
		}
		if strings.Contains(test.want[0], "DLVGEN_GITHUB_TOKEN") != (env["DLVGEN_GITHUB_TOKEN"] == "token of the job") {
			t.Errorf("%s: the token is %q", test.ref, env["DLVGEN_GITHUB_TOKEN"])
		}
	}
}

func TestTheActionRefusesWrongInputs(t *testing.T) {
	a := readAction(t)
	for _, test := range []struct{ name, value, want string }{
		{"push", "yes", "::error::the input push must be true or false"},
		{"secrets", "hunter2", "::error::the input secrets must have ID=VALUE on each line"},
	} {
		r := newRunner(t)
		got := r.run(t, a, a.step(t, "Build"), map[string]string{test.name: test.value})
		if got.code != cli.ExitUsage || strings.TrimSpace(got.stdout) != test.want {
			t.Errorf("%s: exit code %d\n%s%s", test.name, got.code, got.stdout, got.stderr)
		}
		if _, err := os.Stat(filepath.Join(r.dir, "args")); err == nil {
			t.Errorf("%s: dlvgen was called", test.name)
		}
	}
}

func TestTheActionFailsWithDlvgen(t *testing.T) {
	a, r := readAction(t), newRunner(t)
	r.program(t, "dlvgen", "echo 'dlvgen: no' >&2; exit 1\n")
	if got := r.run(t, a, a.step(t, "Build"), nil); got.code != cli.ExitFailure || got.stderr != "dlvgen: no\n" || len(r.outputs(t)) > 0 {
		t.Errorf("exit code %d\n%s%s, outputs %q", got.code, got.stdout, got.stderr, r.outputs(t))
	}
}

// TestTheActionStopsCommandsWhileItBuilds has a build whose output looks like a command for
// GitHub's runner, which reads both streams.
func TestTheActionStopsCommandsWhileItBuilds(t *testing.T) {
	a, r := readAction(t), newRunner(t)
	var seen []string
	for _, code := range []string{"0", "1"} {
		r.program(t, "dlvgen", "echo '::set-output name=digests::[]'; exit "+code+"\n")
		got := r.run(t, a, a.step(t, "Build"), nil)
		words := regexp.MustCompile(`^::stop-commands::([0-9a-f]{32})\n::set-output name=digests::\[\]\n::([0-9a-f]{32})::\n$`).FindStringSubmatch(got.stdout)
		if len(words) == 0 || words[1] != words[2] || slices.Contains(seen, words[1]) || strconv.Itoa(got.code) != code {
			t.Errorf("exit code %d, want %s, after %q\n%s%s", got.code, code, seen, got.stdout, got.stderr)
			continue
		}
		seen = append(seen, words[1])
	}
}

func TestTheActionInstallsItsVersion(t *testing.T) {
	a := readAction(t)
	goProgram := `case $1 in
list) echo v1.2.3; echo "$PWD $*" >>"$HOME/go" ;;
install) printf '#!/bin/sh\necho dlvgen v1.2.3\n' >"$GOBIN/dlvgen" && chmod +x "$GOBIN/dlvgen"; echo "$*" >>"$HOME/go" ;;
esac
`
	for _, test := range []struct {
		name, version string
		onPath        bool
		want          string
	}{
		{"dlvgen on PATH", "", true, ""},
		{"the action's version", "", false, "TEMP list -m -f {{.Version}} github.com/dlvgen/dlvgen@v1.2.3\ninstall github.com/dlvgen/dlvgen/cmd/dlvgen@v1.2.3\n"},
		{"a version", "v1", true, "TEMP list -m -f {{.Version}} github.com/dlvgen/dlvgen@v1\ninstall github.com/dlvgen/dlvgen/cmd/dlvgen@v1.2.3\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRunner(t)
			r.program(t, "go", goProgram)
			if !test.onPath {
				if err := os.Remove(filepath.Join(r.bin, "dlvgen")); err != nil {
					t.Fatal(err)
				}
			}
			if got := r.run(t, a, a.step(t, "Find dlvgen"), map[string]string{"version": test.version}); got.code != cli.ExitOK {
				t.Fatalf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
			}
			outputs := r.outputs(t)
			if test.want == "" {
				if len(outputs) > 0 {
					t.Errorf("the outputs are %q", outputs)
				}
				return
			}
			if outputs["version"] != "v1.2.3" || outputs["folder"] != r.contexts["steps.find.outputs.folder"] {
				t.Errorf("the outputs are %q", outputs)
			}
			if err := os.MkdirAll(outputs["folder"], 0o755); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time it is there, as from the cache
				if got := r.run(t, a, a.step(t, "Install dlvgen"), nil); got.code != cli.ExitOK {
					t.Fatalf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
				}
			}
			calls, err := os.ReadFile(filepath.Join(r.dir, "go"))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.ReplaceAll(string(calls), r.env["RUNNER_TEMP"], "TEMP"); got != test.want {
				t.Errorf("go was called with\n%swant\n%s", got, test.want)
			}
			if path, err := os.ReadFile(r.env["GITHUB_PATH"]); err != nil || string(path) != strings.Repeat(outputs["folder"]+"\n", 2) {
				t.Errorf("PATH gets %q, %v", path, err)
			}
		})
	}
}
