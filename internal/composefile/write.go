package composefile

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/bakefile"
	"github.com/dlvgen/dlvgen/internal/ownfile"
	"go.yaml.in/yaml/v3"
)

// DefaultName is the file that is used beside compose.yaml.
const DefaultName = "compose.debug.yaml"

// mark begins every file that [Project.Debug] writes.
const mark = "# Debug services, made by dlvgen compose.\n"

// Own says that the text is of a file that dlvgen wrote.
func Own(text []byte) bool { return bytes.HasPrefix(text, []byte(mark)) }

// File is a file of debug services at a path.
func File(path string) ownfile.File {
	return ownfile.File{Path: path, What: "compose file", Command: "dlvgen compose", Own: Own}
}

// service is what is written of a service, in this order. All of it is added to what the
// project's files say.
type service struct {
	Image       string                `yaml:"image,omitempty"`
	Build       any                   `yaml:"build,omitempty"` // a *build, or another service's
	PullPolicy  string                `yaml:"pull_policy,omitempty"`
	Platform    string                `yaml:"platform,omitempty"`
	Profiles    []string              `yaml:"profiles,omitempty"`
	PID         string                `yaml:"pid,omitempty"`
	CapAdd      []string              `yaml:"cap_add,omitempty"`
	Environment map[string]string     `yaml:"environment,omitempty"`
	Ports       []string              `yaml:"ports,omitempty"`
	HealthCheck *healthCheck          `yaml:"healthcheck,omitempty"`
	DependsOn   map[string]dependency `yaml:"depends_on,omitempty"`
	Scale       *int                  `yaml:"scale,omitempty"`
	Deploy      *deploy               `yaml:"deploy,omitempty"`
	Develop     *develop              `yaml:"develop,omitempty"`
}

type build struct {
	Args    map[string]string `yaml:"args"`
	Tags    *reset            `yaml:"tags,omitempty"`
	CacheTo *reset            `yaml:"cache_to,omitempty"`
}

type healthCheck struct {
	Retries int `yaml:"retries"`
}

type dependency struct {
	Condition string `yaml:"condition"`
}

type deploy struct {
	Replicas int `yaml:"replicas"`
}

type develop struct {
	Watch []trigger `yaml:"watch"`
}

type trigger struct {
	Action string `yaml:"action"`
	Path   string `yaml:"path"`
}

// reset takes away what the project's files have.
type reset struct{}

// MarshalYAML implements yaml.Marshaler.
func (*reset) MarshalYAML() (any, error) {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!reset", Style: yaml.FlowStyle | yaml.TaggedStyle}, nil
}

// text is the file.
func (w *writer) text() ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(mark)
	fmt.Fprintf(&out, "#\n#     %s\n#\n# It adds to the project's own file:\n#\n#     %s\n#\n", w.Command, w.usage())
	for _, line := range w.out.Lines {
		switch {
		case line.Address != "":
			fmt.Fprintf(&out, "# %s: dlv connect %s\n", line.Service, line.Address)
		default:
			fmt.Fprintf(&out, "# %s: %s\n", line.Service, bakefile.Quote(append(w.compose(), "exec", line.Service, "/dlv", "attach", "1")))
		}
	}
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(map[string]any{"services": w.services}); err != nil {
		return nil, fmt.Errorf("writing the compose file: %w", err)
	}
	return out.Bytes(), encoder.Close()
}

// usage is the command line that runs the services.
func (w *writer) usage() string {
	words := append(w.compose(), "up")
	for _, s := range w.services {
		if s.Build != nil {
			words = append(words, "--build")
			break
		}
	}
	return bakefile.Quote(words)
}

// compose is docker compose with the project's files and this one.
func (w *writer) compose() []string {
	words := []string{"docker", "compose"}
	o := w.project.options
	if o.Directory != "" {
		words = append(words, "--project-directory", o.Directory)
	}
	for _, file := range o.EnvFiles {
		words = append(words, "--env-file", file)
	}
	profiles := slices.Clone(o.Profiles)
	for _, d := range w.Services {
		if _, active := w.project.Project.Services[d.Name]; !active && !slices.ContainsFunc(d.Profiles, func(p string) bool { return slices.Contains(profiles, p) }) {
			profiles = append(profiles, d.Profiles[0])
		}
	}
	for _, profile := range profiles {
		words = append(words, "--profile", profile)
	}
	written, err := filepath.Abs(w.File)
	if err != nil {
		written = w.File
	}
	for _, file := range w.project.relative(append(slices.Clone(w.project.ComposeFiles), written)...) {
		words = append(words, "-f", file)
	}
	return words
}

// watch has `docker compose watch` build again what changed in the build context, but for what
// .dockerignore excludes. It is nil for a context that is no folder, or whose variables only an
// included file has.
func (s *Service) watch() *develop {
	raw, known := s.rawText("build", "context")
	if !known || !isFolder(s.Build.Context) {
		return nil
	}
	path := raw
	if !strings.Contains(raw, "$") {
		path = escaped(s.project.fromProject(s.Build.Context))
	}
	return &develop{Watch: []trigger{{Action: "rebuild", Path: path}}}
}

// fromProject is a path from the project's folder, as compose files have it.
func (p *Project) fromProject(path string) string {
	rel, err := filepath.Rel(p.WorkingDir, path)
	if err != nil {
		return path
	}
	if rel = filepath.ToSlash(rel); rel != "." && rel != ".." && !strings.HasPrefix(rel, "../") {
		rel = "./" + rel
	}
	return rel
}

// isInline says that a cache is part of the image.
func isInline(to string) bool { return strings.Contains(","+to+",", ",type=inline,") }
