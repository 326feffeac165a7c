package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/moby/moby/api/types/container"
	"go.yaml.in/yaml/v3"
)

// Labels of Compose (docker/compose, pkg/api/labels.go).
const (
	composeProject = composePrefix + "project"
	composeService = composePrefix + "service"
	composeFolder  = composePrefix + "project.working_dir"
	composeNumber  = composePrefix + "container-number"
	composeOneOff  = composePrefix + "oneoff"
)

// Compose is the project of a folder.
type Compose struct {
	// File is its compose file, empty where there is none.
	File string

	folder, project string
	services        map[string]yaml.Node
}

// ReadCompose reads the compose file of a folder, which may have none. lookup is os.LookupEnv.
func ReadCompose(folder string, lookup func(string) (string, bool)) (Compose, error) {
	c := Compose{folder: folder}
	names := cli.DefaultFileNames
	if list, ok := lookup("COMPOSE_FILE"); ok && list != "" {
		first, _, _ := strings.Cut(list, string(filepath.ListSeparator))
		names = []string{first}
	}
	for _, name := range names {
		if !filepath.IsAbs(name) {
			name = filepath.Join(folder, name)
		}
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var file struct {
			Name     string
			Services map[string]yaml.Node
		}
		if err == nil {
			err = yaml.Unmarshal(data, &file)
		}
		if err != nil {
			return c, fmt.Errorf("reading the compose file %s: %w", name, err)
		}
		c.File, c.folder, c.project, c.services = name, filepath.Dir(name), file.Name, file.Services
		break
	}
	if name, ok := lookup("COMPOSE_PROJECT_NAME"); ok && name != "" {
		c.project = name
	}
	return c, nil
}

// Has tells whether the compose file has a service.
func (c Compose) Has(service string) bool {
	_, has := c.services[service]
	return has
}

// owns tells whether a container is of the folder's project.
func (c Compose) owns(one container.Summary) bool {
	if c.project != "" {
		return one.Labels[composeProject] == c.project
	}
	if folder := one.Labels[composeFolder]; folder != "" {
		return folder == c.folder || sameFolder(folder, c.folder)
	}
	return one.Labels[composeProject] == loader.NormalizeProjectName(filepath.Base(c.folder))
}

func sameFolder(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// Container is the id of the container of a service, and a note where there are several.
func (c Compose) Container(ctx context.Context, e *docker.Engine, service string) (id, note string, err error) {
	all, err := e.ContainersWith(ctx, composeService, service)
	if err != nil {
		return "", "", err
	}
	return c.choose(service, all)
}

// choose takes one of the containers that have the service's label.
func (c Compose) choose(service string, all []container.Summary) (id, note string, err error) {
	all = slices.DeleteFunc(slices.Clone(all), func(one container.Summary) bool {
		return one.Labels[composeService] != service || strings.EqualFold(one.Labels[composeOneOff], "true")
	})
	list := slices.DeleteFunc(slices.Clone(all), func(one container.Summary) bool { return !c.owns(one) })
	if len(list) == 0 && c.File == "" { // there is no project here: the only one of that service is meant
		list = all
	}
	if len(list) == 0 {
		return "", "", c.none(service, all)
	}
	projects := map[string]bool{}
	for _, one := range list {
		projects[one.Labels[composeProject]] = true
	}
	if len(projects) > 1 {
		return "", "", fmt.Errorf("several projects of Compose have a service %s: name one of the containers %s", visible.Quote(service), names(list))
	}
	running := slices.DeleteFunc(slices.Clone(list), func(one container.Summary) bool { return one.State != container.StateRunning })
	if len(running) > 0 {
		list = running
	}
	slices.SortStableFunc(list, func(a, b container.Summary) int { return cmp.Compare(number(a), number(b)) })
	if len(list) > 1 {
		note = fmt.Sprintf("the service %s has %d containers: debugging %s; name another to debug that: %s",
			visible.Quote(service), len(list), nameOf(list[0]), names(list[1:]))
	}
	return list[0].ID, note, nil
}

// none says that a service has no container.
func (c Compose) none(service string, others []container.Summary) error {
	service = visible.Quote(service)
	switch {
	case len(others) > 0:
		return fmt.Errorf("the project in %s has no container of the service %s, and others have: start it with `docker compose up -d %[2]s`, or name one of %s", c.folder, service, names(others))
	case c.File != "" && !c.Has(service):
		return fmt.Errorf("%s has no service %s, and no container is of one", c.File, service)
	}
	return fmt.Errorf("no container is of a service %s: start it with `docker compose up -d %[1]s`", service)
}

func number(one container.Summary) int {
	n, err := strconv.Atoi(one.Labels[composeNumber])
	if err != nil {
		return 0
	}
	return n
}

func nameOf(one container.Summary) string {
	if len(one.Names) == 0 {
		return one.ID
	}
	return strings.TrimPrefix(one.Names[0], "/")
}

func names(list []container.Summary) string {
	var all []string
	for _, one := range list {
		all = append(all, nameOf(one))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
