package kubernetes_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/kubernetes"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

var update = flag.Bool("update", false, "write what testdata should hold")

// images are debug images, by their kind.
var images = map[string]kubernetes.Image{
	"remote":  {Ref: "registry.example/app:v1-debug@sha256:1111", Kind: variants.KindRemote, Entry: variants.EntryCmd, Listen: ":8000"},
	"inplace": {Ref: "registry.example/app:v1-debug@sha256:1111", Kind: variants.KindRemote, Entry: variants.EntryInplace, Listen: "127.0.0.1:8000"},
	"attach":  {Ref: "registry.example/app:v1-debug-attach@sha256:2222", Kind: variants.KindAttach, Listen: ":8000"},
	"sidecar": {Ref: "registry.example/app:v1-debug-sidecar@sha256:3333", Kind: variants.KindSidecar, Listen: ":8000"},
}

func read(t *testing.T, text string) (*kubernetes.Manifests, []*kubernetes.Workload) {
	t.Helper()
	m, err := kubernetes.Read(strings.NewReader(text), "in.yaml")
	if err != nil {
		t.Fatal(err)
	}
	workloads, err := m.Workloads()
	if err != nil {
		t.Fatal(err)
	}
	return m, workloads
}

// TestManifestsOfEveryShape changes manifests as testdata has them, and has kustomize apply the
// component of the same changes.
func TestManifestsOfEveryShape(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) < 20 {
		t.Fatalf("%v: testdata has %q", err, names)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			words := append(strings.Fields(string(archive.Comment)), "remote")
			var options kubernetes.Options
			if i := slices.Index(words, "--start"); i > 0 {
				options.Start, words = words[i+1], slices.Delete(words, i, i+2)
			}
			in := string(archive.Files[0].Data)
			m, workloads := read(t, in)
			for _, w := range workloads {
				if _, err := w.Debug(words[0], images[words[1]], options); err != nil {
					t.Fatal(err)
				}
			}
			component, err := kubernetes.Component(workloads...)
			if err != nil {
				t.Fatal(err)
			}
			var out, patch bytes.Buffer
			if err := kubernetes.WritePatch(&patch, workloads...); err != nil {
				t.Fatal(err)
			}
			for _, w := range workloads {
				if err := w.Apply(); err != nil {
					t.Fatal(err)
				}
			}
			if err := m.Write(&out); err != nil {
				t.Fatal(err)
			}
			got := &txtar.Archive{Comment: archive.Comment, Files: []txtar.File{archive.Files[0], {Name: "out.yaml", Data: out.Bytes()}, {Name: "patch.yaml", Data: patch.Bytes()}}}
			if *update {
				if err := os.WriteFile(name, txtar.Format(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(txtar.Format(archive)), string(txtar.Format(got))); diff != "" && !*update {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(objects(t, out.String()), objects(t, kustomized(t, in, component))); diff != "" {
				t.Errorf("kustomize makes another of it: -ours +kustomize's\n%s", diff)
			}
		})
	}
}

// normalize sorts the variables and ports of containers, of which kustomize puts new ones
// first, and removes empty fields, as kustomize does.
func normalize(value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, field := range value {
			if field == nil {
				delete(value, name)
			}
			if list, ok := field.([]any); ok && (name == "env" || name == "ports") {
				slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			}
			normalize(field)
		}
	case []any:
		for _, element := range value {
			normalize(element)
		}
	}
}

// kustomized is what kustomize makes of manifests with a component.
func kustomized(t *testing.T, manifests string, component map[string][]byte) string {
	t.Helper()
	fs := filesys.MakeFsInMemory()
	write := func(name string, text []byte) {
		if err := fs.WriteFile(name, text); err != nil {
			t.Fatal(err)
		}
	}
	write("/base/in.yaml", []byte(manifests))
	write("/base/kustomization.yaml", []byte("resources: [in.yaml]\n"))
	write("/overlay/kustomization.yaml", []byte("resources: [../base]\ncomponents: [../debug]\n"))
	for name, text := range component {
		write("/debug/"+name, text)
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, "/overlay")
	if err != nil {
		t.Fatal(err)
	}
	text, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// objects are those of manifests, by kind and name, without lists.
func objects(t *testing.T, manifests string) map[string]any {
	t.Helper()
	found := map[string]any{}
	var add func(value any)
	add = func(value any) {
		object, ok := value.(map[string]any)
		if !ok {
			t.Fatalf("%v is no object", value)
		}
		if items, ok := object["items"].([]any); ok {
			for _, item := range items {
				add(item)
			}
			return
		}
		normalize(object)
		found[fmt.Sprint(object["kind"], object["apiVersion"], object["metadata"])] = object
	}
	decoder := yaml.NewDecoder(strings.NewReader(manifests))
	for {
		var object map[string]any
		if err := decoder.Decode(&object); err != nil {
			return found
		}
		add(object)
	}
}
