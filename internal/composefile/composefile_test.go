package composefile_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/dlvgen/dlvgen/internal/composefile"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what testdata should hold")

// images are debug images that there are, by their kind.
var images = map[string]composefile.Image{
	"remote":  {Ref: "registry.example/app:v1-debug@sha256:1111", Kind: variants.KindRemote, Entry: variants.EntryCmd, Listen: ":8000"},
	"attach":  {Ref: "registry.example/app:v1-debug-attach@sha256:2222", Kind: variants.KindAttach, Listen: ":8000"},
	"sidecar": {Ref: "registry.example/app:v1-debug-sidecar@sha256:3333", Kind: variants.KindSidecar, Listen: ":8000"},
}

// shape is a project of testdata, in the working folder.
type shape struct {
	archive *txtar.Archive
	project *composefile.Project
	debug   composefile.Debug
}

// readShape writes the files of an archive to a folder, and reads the project. The first line of
// the comment has the services and the flags.
func readShape(t *testing.T, name string) shape {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "project")
	for _, file := range archive.Files {
		path := filepath.Join(dir, file.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, file.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	line, _, _ := strings.Cut(string(archive.Comment), "\n")
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	words := strings.Fields(line)
	services := words
	if i := slices.IndexFunc(words, func(word string) bool { return strings.HasPrefix(word, "-") }); i >= 0 {
		services = words[:i]
		words = words[i:]
	} else {
		words = nil
	}
	s := shape{archive: archive, debug: composefile.Debug{Watch: true, Syntax: "dlvgen/dlvgen:1", Command: "dlvgen compose -o compose.debug.yaml", File: composefile.DefaultName}}
	flags.StringVar(&s.debug.Start, "start", "", "")
	flags.IntVar(&s.debug.Port, "port", 8000, "")
	variant := flags.String("variant", "remote", "")
	if err := flags.Parse(words); err != nil {
		t.Fatal(err)
	}
	if s.project, err = composefile.Read(t.Context(), composefile.Options{}); err != nil {
		t.Fatal(err)
	}
	s.debug.Services = debugged(t, s.project, *variant, services...)
	return s
}

// debugged are services as `dlvgen compose` has them: those that are built make a debug image.
func debugged(t *testing.T, p *composefile.Project, variant string, names ...string) (list []composefile.Debugged) {
	t.Helper()
	v, err := variants.ByName(variant)
	if err != nil {
		t.Fatal(err)
	}
	services, err := p.Services(names)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range services {
		one := composefile.Debugged{Service: s, Variant: variants.NewRequest(v)}
		if s.StartsElsewhere() && v.Kind == variants.KindRemote {
			one.Variant.Entry = variants.EntryInplace
		}
		if s.Build == nil {
			one.Debug = images[variant]
			for _, other := range services {
				if other.Build != nil && other.SharesImage(s) {
					one.BuiltBy = other.Name
				}
			}
		}
		list = append(list, one)
	}
	return list
}

// TestProjectsOfEveryShape writes the debug files of the projects in testdata, and has
// compose-go merge each with its project.
func TestProjectsOfEveryShape(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) < 20 {
		t.Fatalf("%v: testdata has %q", err, names)
	}
	for _, name := range names {
		name, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			s := readShape(t, name)
			w, err := s.project.Debug(s.debug)
			if err != nil {
				t.Fatal(err)
			}
			files := slices.DeleteFunc(slices.Clone(s.archive.Files), func(f txtar.File) bool { return f.Name == composefile.DefaultName || f.Name == "stderr" })
			files = append(files, txtar.File{Name: composefile.DefaultName, Data: w.Text})
			if len(w.Warnings) > 0 {
				files = append(files, txtar.File{Name: "stderr", Data: []byte(strings.Join(w.Warnings, "\n") + "\n")})
			}
			got := txtar.Format(&txtar.Archive{Comment: s.archive.Comment, Files: files})
			if *update {
				if err := os.WriteFile(name, got, 0o600); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(string(txtar.Format(s.archive)), string(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			merged := merge(t, s.project, w.Text)
			checkPorts(t, s, w, merged)
			checkProduction(t, s, w, merged)
			checkHealth(t, s, w, merged)
			checkAgain(t, s, w)
		})
	}
}

// merge is the project as docker compose has it with the debug file.
func merge(t *testing.T, p *composefile.Project, text []byte) types.Services {
	t.Helper()
	const file = "merged.yaml" // not one that is left out
	if err := os.WriteFile(file, append([]byte("# A copy.\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	merged, err := composefile.Read(t.Context(), composefile.Options{Files: append(slices.Clone(p.ComposeFiles), file)})
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return merged.AllServices()
}

// checkPorts has each debugger published once, on the loopback address, and no port twice.
func checkPorts(t *testing.T, s shape, w *composefile.Written, merged types.Services) {
	t.Helper()
	published, inside := map[string]string{}, map[string]bool{}
	for name, service := range merged {
		for _, port := range service.Ports {
			if port.Published == "" {
				continue
			}
			at := port.Published + "/" + port.Protocol
			if other, ok := published[at]; ok {
				t.Errorf("%s and %s publish port %s", other, name, at)
			}
			published[at] = name
			inside[fmt.Sprintf("%s:%d/%s", name, port.Target, port.Protocol)] = true
			if before := s.project.AllServices()[name].Ports; port.HostIP != "127.0.0.1" && !slices.ContainsFunc(before, func(p types.ServicePortConfig) bool { return p.Published == port.Published }) {
				t.Errorf("%s publishes port %s on %q", name, at, port.HostIP)
			}
		}
	}
	for _, line := range w.Lines {
		if line.Address == "" {
			continue
		}
		host, port, _ := strings.Cut(line.Address, ":")
		onHost := merged[line.Service].NetworkMode == "host" && line.Sidecar == ""
		if _, ok := published[port+"/tcp"]; host != "127.0.0.1" || ok == onHost {
			t.Errorf("%s has its debugger at %s, and published are %v", line.Service, line.Address, published)
		}
	}
}

// checkProduction has no debug image get a name of production's, and everything else as it was.
func checkProduction(t *testing.T, s shape, w *composefile.Written, merged types.Services) {
	t.Helper()
	production := map[string]bool{}
	for name, service := range s.project.AllServices() {
		production[service.Image] = true
		if service.Image == "" {
			production["project-"+name] = true
		}
	}
	for _, line := range w.Lines {
		service := merged[line.Service]
		if line.Sidecar != "" {
			service = merged[line.Sidecar]
		}
		if service.Image == "" || production[service.Image] || service.Image != line.Image {
			t.Errorf("%s has the image %q, want %q, and not production's", line.Service, service.Image, line.Image)
		}
		if b := service.Build; b != nil && (len(b.Tags) > 0 || len(b.CacheTo) > 0 && b.CacheTo[0] != "type=inline" || b.Args["BUILDKIT_SYNTAX"] == nil || *b.Args["DLVGEN_VARIANT"] != line.Variant) {
			t.Errorf("%s has the build %+v", line.Service, b)
		}
	}
	changed := cmpopts.IgnoreFields(types.ServiceConfig{}, "ContainerSpec.Image", "WorkloadSpec.Build", "ContainerSpec.Environment", "WorkloadSpec.Ports", "WorkloadSpec.HealthCheck",
		"WorkloadSpec.DependsOn", "Scale", "Deploy", "Develop", "ContainerSpec.PullPolicy", "ContainerSpec.CapAdd")
	for name, before := range s.project.AllServices() {
		options := []cmp.Option{cmpopts.EquateEmpty()}
		if _, written := serviceOf(w, name); written {
			options = append(options, changed)
		}
		if diff := cmp.Diff(before, merged[name], options...); diff != "" {
			t.Errorf("service %s is changed:\n%s", name, diff)
		}
		for variable, value := range before.Environment {
			if after := merged[name].Environment[variable]; variable != "DLVGEN_START" && (after == nil || *after != *value) {
				t.Errorf("service %s loses the variable %s", name, variable)
			}
		}
	}
	for _, secret := range []string{"s3cret", "v7"} {
		if bytes.Contains(w.Text, []byte(secret)) {
			t.Errorf("a value of .env is written down: %s", secret)
		}
	}
}

// serviceOf is the part of the file about a service.
func serviceOf(w *composefile.Written, name string) (text string, ok bool) {
	_, rest, ok := strings.Cut(string(w.Text), "\n  "+name+":\n")
	return rest, ok
}

// checkHealth has programs that are stopped stay healthy, and no service wait for one that is held.
func checkHealth(t *testing.T, s shape, w *composefile.Written, merged types.Services) {
	t.Helper()
	for _, line := range w.Lines {
		service := merged[line.Service]
		before := s.project.AllServices()[line.Service].HealthCheck
		off := before != nil && (before.Disable || len(before.Test) > 0 && before.Test[0] == "NONE")
		if check := service.HealthCheck; line.Sidecar == "" && !off && (check == nil || check.Retries == nil || *check.Retries < 86400 || before != nil && !slices.Equal(check.Test, before.Test)) {
			t.Errorf("%s has the health check %+v", line.Service, check)
		}
		start := service.Environment["DLVGEN_START"]
		if start == nil && line.Address != "" && line.Sidecar == "" {
			t.Errorf("%s does not say how its program starts", line.Service)
		}
		for name, other := range merged {
			if d, ok := other.DependsOn[line.Service]; ok && start != nil && *start == "hold" && d.Condition == types.ServiceConditionHealthy {
				t.Errorf("%s waits for the health of %s, which is held", name, line.Service)
			}
		}
	}
}

// checkAgain writes the same file with the debug file beside the project's.
func checkAgain(t *testing.T, s shape, w *composefile.Written) {
	t.Helper()
	if _, err := composefile.File(composefile.DefaultName).Write(w.Text); err != nil {
		t.Fatal(err)
	}
	again, err := composefile.Read(context.Background(), composefile.Options{Files: append(slices.Clone(s.project.ComposeFiles), composefile.DefaultName)})
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range s.debug.Services {
		services, err := again.Services([]string{d.Name})
		if err != nil {
			t.Fatal(err)
		}
		s.debug.Services[i].Service = services[0]
	}
	got, err := again.Debug(s.debug)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(w.Text), string(got.Text)); diff != "" {
		t.Errorf("the second time it writes another file:\n%s", diff)
	}
}
