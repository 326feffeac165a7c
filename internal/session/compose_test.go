package session

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
)

// of is a container of a service.
func of(name, project, number, folder string, state container.ContainerState) container.Summary {
	return container.Summary{ID: name, Names: []string{"/" + name}, State: state, Labels: map[string]string{
		composeProject: project, composeService: "web", composeNumber: number, composeFolder: folder,
	}}
}

func TestTheContainerOfAService(t *testing.T) {
	const here = "/here/Shop.Front"
	running, exited := container.StateRunning, container.StateExited
	first, second := of("shop-web-1", "shopfront", "1", here, running), of("shop-web-2", "shopfront", "2", here, running)
	other := of("other-web-1", "other", "1", "/other", running)
	once := of("shop-web-run", "shopfront", "1", here, running)
	once.Labels[composeOneOff] = "True"
	foreign := of("shop-db-1", "shopfront", "1", here, running)
	foreign.Labels[composeService] = "web\n"
	withFile, without := Compose{File: here + "/compose.yaml", folder: here}, Compose{folder: here}
	for name, test := range map[string]struct {
		compose    Compose
		containers []container.Summary
		want       string // the container, or what is in the error
		noted      bool
	}{
		"the project's":             {withFile, []container.Summary{other, first}, "shop-web-1", false},
		"the first of several":      {withFile, []container.Summary{second, first, once, foreign}, "shop-web-1", true},
		"the one that runs":         {withFile, []container.Summary{second, of("shop-web-1", "shopfront", "1", here, exited)}, "shop-web-2", false},
		"the one that has ended":    {withFile, []container.Summary{of("shop-web-1", "shopfront", "1", here, exited)}, "shop-web-1", false},
		"by the project's name":     {Compose{File: "f", folder: here, project: "other"}, []container.Summary{other, first}, "other-web-1", false},
		"by the folder's name":      {withFile, []container.Summary{other, of("old-web-1", "shopfront", "1", "", running)}, "old-web-1", false},
		"without a file, one":       {without, []container.Summary{other}, "other-web-1", false},
		"without a file, several":   {Compose{folder: "/elsewhere"}, []container.Summary{other, first}, "several projects of Compose", false},
		"another project's alone":   {withFile, []container.Summary{other}, "name one of other-web-1", false},
		"none":                      {Compose{File: "f", services: nil}, nil, "has no service web", false},
		"only one that ran a task":  {without, []container.Summary{once}, "docker compose up -d web", false},
		"a label with a line break": {without, []container.Summary{foreign}, "docker compose up -d web", false},
	} {
		id, note, err := test.compose.choose("web", test.containers)
		got := id
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, test.want) || (note != "") != test.noted || err == nil && got != test.want {
			t.Errorf("%s: got %q, note %q", name, got, note)
		}
	}
}

func TestTheComposeFileOfAFolder(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"compose.yaml": "name: shop\nservices:\n  web: {image: a, x: !reset null}\n",
		"other.yaml":   "services: {db: {image: b}}\n",
		"bad.yaml":     "services: [",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	with := func(env map[string]string) func(string) (string, bool) {
		return func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	}
	c, err := ReadCompose(dir, with(nil))
	if err != nil || c.File != filepath.Join(dir, "compose.yaml") || !c.Has("web") || c.Has("db") || c.project != "shop" {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = ReadCompose(dir, with(map[string]string{"COMPOSE_FILE": "other.yaml" + string(filepath.ListSeparator) + "more.yaml", "COMPOSE_PROJECT_NAME": "named"}))
	if err != nil || !c.Has("db") || c.project != "named" {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err = ReadCompose(dir, with(map[string]string{"COMPOSE_FILE": "bad.yaml"})); err == nil || !strings.Contains(err.Error(), "bad.yaml") {
		t.Errorf("a bad file: %v", err)
	}
	if c, err = ReadCompose(t.TempDir(), with(nil)); err != nil || c.File != "" {
		t.Errorf("%+v, %v", c, err)
	}
}
