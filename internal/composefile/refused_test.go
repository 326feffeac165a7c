package composefile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/composefile"
)

// inProject has a compose file in the working folder.
func inProject(t *testing.T, text string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "project")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	if err := os.WriteFile("compose.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T) *composefile.Project {
	t.Helper()
	p, err := composefile.Read(t.Context(), composefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWhatCannotBeDebuggedIsRefused(t *testing.T) {
	for name, tc := range map[string]struct{ services, variant, err string }{
		"an entrypoint of an image":        {"{app: {image: app, entrypoint: [/x]}}", "remote", "service app has an entrypoint, which would start the program without the debugger: build registry.example/app:v1-debug@sha256:1111 with --entry=inplace"},
		"an entrypoint that is taken away": {"{app: {image: app, entrypoint: []}}", "remote", "service app has an entrypoint"},
		"an entrypoint, attach":            {"{app: {image: app, entrypoint: [/x]}}", "attach", ""},
		"an entrypoint of a build":         {"{app: {build: ., entrypoint: [/x]}}", "remote", ""},
		"the port of the program":          {"{app: {image: app, ports: ['80:8000']}}", "remote", "service app: its debugger would listen on port 8000, which service app has: build with --listen :PORT"},
		"the port of another in the same network": {"{app: {image: app, network_mode: 'service:b'}, b: {image: b, expose: ['8000']}}", "remote",
			"service app: its debugger would listen on port 8000, which service b has"},
		"the port of another in the host's": {"{app: {image: app, network_mode: host}, b: {image: b, ports: ['8000:80']}}", "remote", "service app: its debugger would listen on port 8000 of the host, which service b has"},
		"a service with the sidecar's name": {"{app: {image: app}, app-debug: {image: b}}", "sidecar", "the project has a service app-debug, which is the name of the sidecar of app: rename it"},
		"a sidecar of several containers":   {"{app: {image: app, scale: 2}}", "sidecar", "service app has 2 containers, and a sidecar debugs one: choose --variant remote"},
		"no port left":                      {"{app: {build: .}, b: {image: b, ports: ['8000-65535:8000-65535']}}", "remote", "service app: no port is left for its debugger: choose a lower --port"},
	} {
		t.Run(name, func(t *testing.T) {
			inProject(t, "services: "+tc.services+"\n")
			p := mustRead(t)
			_, err := p.Debug(composefile.Debug{Port: 8000, Services: debugged(t, p, tc.variant, "app")})
			if (err == nil) != (tc.err == "") || err != nil && !strings.HasPrefix(err.Error(), tc.err) {
				t.Errorf("the error is %v, want %q", err, tc.err)
			}
		})
	}
}

// TestWhereNobodyReachesADebugger has networks that publish no port, and listeners that none leads to.
func TestWhereNobodyReachesADebugger(t *testing.T) {
	inProject(t, "services: {none: {image: a, network_mode: none}, beside: {image: a, network_mode: 'service:none'}, outside: {image: a, network_mode: 'container:x'}, bridge: {image: a, network_mode: bridge}, plugin: {provider: {type: model}}}\n")
	p := mustRead(t)
	services, err := p.Services(p.AllNames())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range services {
		got[s.Name] = s.Unreachable() + s.NoContainer()
	}
	for name, want := range map[string]string{
		"none": "its network_mode is none, so that no client reaches a debugger in it: add --variant attach", "beside": "its network_mode is none",
		"outside": "its network_mode is container:x, whose ports no compose file publishes", "plugin": "it has a provider, model, and no container of its own", "bridge": "",
	} {
		if !strings.HasPrefix(got[name], want) || want == "" && got[name] != "" {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	one := debugged(t, p, "remote", "bridge")
	one[0].Debug.Listen = "127.0.0.1:8000"
	if _, err := p.Debug(composefile.Debug{Port: 8000, Services: one}); err == nil || !strings.Contains(err.Error(), "its debugger listens on 127.0.0.1 in its container, where no published port leads") {
		t.Errorf("a listener on the container's loopback: %v", err)
	}
}

// TestTwoBuildsDoNotShareAName has two services with one image, and builds that differ.
func TestTwoBuildsDoNotShareAName(t *testing.T) {
	inProject(t, "services: {a: {build: ., image: app}, b: {build: ., image: app, expose: ['8000']}, App: {build: .}, app: {build: ., expose: ['8000']}}\n")
	p := mustRead(t)
	w, err := p.Debug(composefile.Debug{Port: 8000, Services: debugged(t, p, "remote", "a", "b", "App", "app")})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, line := range w.Lines {
		if other, ok := names[line.Image]; ok {
			t.Errorf("%s and %s are both built as %s", other, line.Service, line.Image)
		}
		names[line.Image] = line.Service
	}
}

// TestNothingOfAProjectEndsTheComment has names with lines and quotes where the file names them.
func TestNothingOfAProjectEndsTheComment(t *testing.T) {
	inProject(t, `services: {app: {build: ., image: "app:v1", profiles: ["a\nb: '$x'"]}}`+"\n")
	p := mustRead(t)
	const evil = "a\n'b\": c.yaml"
	w, err := p.Debug(composefile.Debug{Port: 8000, Syntax: "dlvgen/dlvgen:1", File: evil, Services: debugged(t, p, "remote", "app")})
	if err != nil {
		t.Fatal(err)
	}
	comment, _, _ := strings.Cut(string(w.Text), "services:\n")
	for line := range strings.Lines(comment) {
		if !strings.HasPrefix(line, "#") {
			t.Errorf("the comment has the line %q", line)
		}
	}
	merge(t, p, w.Text)
}

func TestWhatIsNoProjectIsRefused(t *testing.T) {
	bomb := "x-a0: &a0 [x, y, z]\n"
	for i := range 12 {
		bomb += fmt.Sprintf("x-a%d: &a%[1]d [%s]\n", i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	for name, tc := range map[string]struct{ text, err string }{
		"no YAML":             {"services: [", "reading the compose file: "},
		"no services":         {"a: b\n", "reading the compose file: "},
		"an unknown key":      {"services: {app: {image: a, imag: b}}\n", "reading the compose file: "},
		"a name":              {"services: {'a b': {image: a}}\n", "reading the compose file: "},
		"a name with a line":  {"services: {\"a\\nb\": {image: a}}\n", "reading the compose file: "},
		"a variable":          {"services: {app: {image: '${X?set it}'}}\n", "reading the compose file: "},
		"an empty file":       {"", "reading the compose file: "},
		"a bomb":              {bomb + "services: {app: {image: a}}\n", "reading the compose file: "},
		"includes itself":     {"include: [compose.yaml]\nservices: {app: {image: a}}\n", "reading the compose file: "},
		"includes a registry": {"include: [\"oci://registry.example/project\"]\nservices: {app: {image: a}}\n", "PROJECT/oci:/registry.example/project is not a file of this machine: write the project to one"},
		"includes nothing":    {"include: [other.yaml]\nservices: {app: {image: a}}\n", "no file "},
		"ours":                {"# Debug services, made by dlvgen compose.\nservices: {app: {image: a}}\n", "PROJECT/compose.yaml is a file of dlvgen's: name the project's compose file with -f"},
	} {
		t.Run(name, func(t *testing.T) {
			inProject(t, tc.text)
			dir, err := os.Getwd()
			if err != nil {
				t.Fatal(err)
			}
			_, err = composefile.Read(t.Context(), composefile.Options{})
			if err == nil || !strings.HasPrefix(err.Error(), strings.ReplaceAll(tc.err, "PROJECT", dir)) {
				t.Errorf("the error is %v, want %q", err, tc.err)
			}
		})
	}
	t.Chdir(t.TempDir())
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	pipe := fmt.Sprintf("/dev/fd/%d", reader.Fd()) // as a shell has it for <(COMMAND)
	for _, tc := range []struct {
		files []string
		err   string
	}{
		{nil, "no compose file in this folder or above it: name one with -f, or add one of compose.yaml"},
		{[]string{"none.yaml"}, "no file "},
		{[]string{pipe}, pipe + " is not a file, and cannot be used beside another: write it to a file"},
		{[]string{"-"}, "a compose file on stdin cannot be used beside another"},
	} {
		if _, err := composefile.Read(t.Context(), composefile.Options{Files: tc.files}); err == nil || !strings.HasPrefix(err.Error(), tc.err) {
			t.Errorf("%q: the error is %v, want %q", tc.files, err, tc.err)
		}
	}
}

// TestAnAbsoluteContextKeepsItsVariables copies builds for sidecars.
func TestAnAbsoluteContextKeepsItsVariables(t *testing.T) {
	inProject(t, "")
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("services: {variable: {build: '%[1]s/${SUB:-x}'}, dollar: {build: '%[1]s/a$$b'}}\n", strings.ReplaceAll(dir, "$", "$$"))
	if err := os.WriteFile("compose.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := mustRead(t)
	w, err := p.Debug(composefile.Debug{Port: 8000, Syntax: "dlvgen/dlvgen:1", Services: debugged(t, p, "sidecar", "variable", "dollar")})
	if err != nil {
		t.Fatal(err)
	}
	merged := merge(t, p, w.Text)
	for _, name := range []string{"variable", "dollar"} {
		if got, want := merged[name+"-debug"].Build.Context, merged[name].Build.Context; got != want {
			t.Errorf("the sidecar of %s is built from %s, want %s", name, got, want)
		}
	}
}

// TestABuildWithVariablesOfAnIncludedFileIsNotCopied, since they have no value in the file that is
// written.
func TestABuildWithVariablesOfAnIncludedFileIsNotCopied(t *testing.T) {
	inProject(t, "include: [{path: lib/compose.yaml, env_file: own.env}]\n")
	err := errors.Join(os.Mkdir("lib", 0o755), os.WriteFile("own.env", []byte("SUB=x\n"), 0o600),
		os.WriteFile("lib/compose.yaml", []byte("services: {app: {build: {context: ., args: {A: '${SUB}'}}}}\n"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	p := mustRead(t)
	const want = "service app has a build that cannot be copied with its variables: choose --variant remote"
	if _, err := p.Debug(composefile.Debug{Port: 8000, Services: debugged(t, p, "sidecar", "app")}); err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %q", err, want)
	}
}

// TestTheCommandHasPathsFromTheProjectsFolder is called in a folder below it.
func TestTheCommandHasPathsFromTheProjectsFolder(t *testing.T) {
	inProject(t, "services: {app: {build: .}}\n")
	if err := os.Mkdir("below", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir("below")
	p := mustRead(t)
	for file, want := range map[string]string{"../compose.debug.yaml": "compose.debug.yaml", "compose.debug.yaml": "below/compose.debug.yaml"} {
		w, err := p.Debug(composefile.Debug{Port: 8000, File: file, Services: debugged(t, p, "remote", "app")})
		if err != nil {
			t.Fatal(err)
		}
		if want := "docker compose -f compose.yaml -f " + want + " up"; !strings.Contains(string(w.Text), want) {
			t.Errorf("for %s it lacks %q:\n%s", file, want, w.Text)
		}
	}
}

// TestServicesAreNamed has names that there are, some of which no active profile has.
func TestServicesAreNamed(t *testing.T) {
	inProject(t, "services: {b: {image: a}, a: {image: a, profiles: [x]}}\n")
	p := mustRead(t)
	if _, err := p.Services([]string{"c"}); err == nil || err.Error() != "no service c in compose.yaml: there are a, b" {
		t.Errorf("%v", err)
	}
	if services, err := p.Services([]string{"b", "a", "a"}); err != nil || len(services) != 2 || services[0].Name != "a" {
		t.Errorf("%v, %v", services, err)
	}
	if names := p.ServiceNames(); len(names) != 1 || names[0] != "b" {
		t.Errorf("active are %q", names)
	}
}

// TestATargetIsTheServicesBuild compares what is checked with what compose files say.
func TestATargetIsTheServicesBuild(t *testing.T) {
	inProject(t, `services:
  app:
    platform: linux/arm64
    build:
      context: src
      dockerfile: ../Dockerfile
      target: final
      args: {A: b, UNSET: null}
      additional_contexts: {base: "service:base", other: docker-image://x}
      secrets: [file, variable]
  base: {build: {context: ., dockerfile_inline: FROM scratch}}
  image: {image: x}
secrets: {file: {file: ./token}, variable: {environment: TOKEN}}
`)
	services, err := mustRead(t).Services([]string{"app", "base", "image"})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	got := services[0].Target()
	if got.Context != "src" || got.Dockerfile != "../Dockerfile" || got.Stage != "final" || len(got.Args) != 1 || got.Args["A"] != "b" || got.Linked() != "base" || len(got.Platforms) != 1 {
		t.Errorf("it is %+v", got)
	}
	if len(got.Secrets) != 2 || got.Secrets[0]["src"] != filepath.Join(dir, "token") || got.Secrets[1]["env"] != "TOKEN" {
		t.Errorf("the secrets are %v", got.Secrets)
	}
	if got := services[1].Target(); got.DockerfileInline != "FROM scratch" || got.Context != "." || services[2].Target() != nil {
		t.Errorf("it is %+v", got)
	}
}
