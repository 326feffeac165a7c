// Package composefile reads the files of a Docker Compose project, and writes the file that is
// used beside them to debug its services. It asks nobody: what an image is, and what a build
// makes, the caller says.
package composefile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
)

// Options say which files are read, as docker compose has them.
type Options struct {
	// Files are the compose files. Without any they are those of COMPOSE_FILE, else
	// compose.yaml with its override file, or docker-compose.yml, in the folder or above it.
	Files []string

	// Directory is the project's folder, empty for that of the first file.
	Directory string

	// EnvFiles have the values of variables, instead of .env. Profiles are those that are
	// active, besides what COMPOSE_PROFILES has.
	EnvFiles, Profiles []string
}

// Project is a compose project.
type Project struct {
	*types.Project

	options Options

	// raw are the services as the files have them, before variables are put in, and values the
	// same after that. They are missing where the files cannot be read so.
	raw, values map[string]any
}

// envFilesVariable names other files than .env (cmd/compose of docker/compose).
const envFilesVariable = "COMPOSE_ENV_FILES"

// Read reads a project as docker compose does. Files that dlvgen wrote are left out. Values of
// env_file are not read.
func Read(ctx context.Context, o Options) (*Project, error) {
	if slices.Contains(o.Files, "-") {
		return nil, errors.New("a compose file on stdin cannot be used beside another: write it to a file, and name that with -f")
	}
	if files := os.Getenv(envFilesVariable); files != "" && len(o.EnvFiles) == 0 {
		o.EnvFiles = strings.Split(files, ",")
	}
	// compose-go warns of variables without a value, as docker compose does again later.
	log := logrus.StandardLogger()
	defer log.SetOutput(log.Out)
	log.SetOutput(io.Discard)
	options, err := o.load()
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return nil, readError(err)
	}
	p := &Project{Project: project, options: o}
	p.raw, p.values = p.services(ctx, true), p.services(ctx, false)
	return p, nil
}

// services are those of the files, with variables or with their values, nil where the files cannot
// be read so. (LoadModel of compose-go's cli has no values.)
func (p *Project) services(ctx context.Context, raw bool) map[string]any {
	files := types.ConfigDetails{WorkingDir: p.WorkingDir, ConfigFiles: types.ToConfigFiles(p.ComposeFiles), Environment: p.Environment}
	model, err := loader.LoadModelWithContext(ctx, files, func(o *loader.Options) {
		o.SkipInterpolation, o.SkipNormalization, o.ResolvePaths = raw, true, false
		o.SetProjectName(p.Name, true)
	})
	if err != nil {
		return nil
	}
	services, _ := model["services"].(map[string]any)
	return services
}

// load are the options of compose-go, in the order of docker compose (ToProjectOptions in
// cmd/compose/compose.go of v5.6.0).
func (o Options) load() (*cli.ProjectOptions, error) {
	options, err := cli.NewProjectOptions(slices.Clone(o.Files),
		cli.WithWorkingDirectory(o.Directory),
		cli.WithOsEnv,
		cli.WithEnvFiles(o.EnvFiles...),
		cli.WithDotEnv,
		cli.WithConfigFileEnv,
		cli.WithDefaultConfigPath,
		cli.WithEnvFiles(o.EnvFiles...), //nolint:gocritic // again, since the compose file says where .env is
		cli.WithDotEnv,                  //nolint:gocritic // the same
		cli.WithDefaultProfiles(o.Profiles...),
		cli.WithoutEnvironmentResolution,
		cli.WithoutLabelsResolution,
	)
	if err != nil {
		return nil, readError(err)
	}
	if len(options.ConfigPaths) == 0 {
		return nil, fmt.Errorf("no compose file in this folder or above it: name one with -f, or add one of %s", strings.Join(cli.DefaultFileNames, ", "))
	}
	for _, path := range options.ConfigPaths {
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // a pipe has its text once
			return nil, fmt.Errorf("%s is not a file, and cannot be used beside another: write it to a file, and name that with -f", path)
		}
	}
	var own string
	options.ConfigPaths = slices.DeleteFunc(options.ConfigPaths, func(path string) bool {
		is := isOwn(path)
		if is {
			own = path
		}
		return is
	})
	if len(options.ConfigPaths) == 0 {
		return nil, fmt.Errorf("%s is a file of dlvgen's: name the project's compose file with -f", own)
	}
	return options, nil
}

// isOwn says that a file was written by this package.
func isOwn(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() { // reading a pipe would wait, and take what it has
		return false
	}
	file, err := os.Open(filepath.Clean(path))
	if err != nil {
		return false
	}
	defer file.Close()
	beginning := make([]byte, len(mark))
	_, err = io.ReadFull(file, beginning)
	return err == nil && Own(beginning)
}

// remotePattern is in what docker compose reads from elsewhere: oci://, https://.
var remotePattern = regexp.MustCompile(`\b[a-z]{2,}:/`)

// readError is compose-go's, on one line.
func readError(err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) && errors.Is(err, fs.ErrNotExist) {
		if remotePattern.MatchString(filepath.ToSlash(path.Path)) {
			return fmt.Errorf("%s is not a file of this machine: write the project to one with `docker compose config`, and name that with -f", path.Path)
		}
		return fmt.Errorf("no file %s: name one that is there: %w", path.Path, err)
	}
	return fmt.Errorf("reading the compose file: %w", err)
}

// Service is one of a project.
type Service struct {
	types.ServiceConfig

	project *Project
}

// Services are the named services, by name. Their profiles need not be active.
func (p *Project) Services(names []string) ([]*Service, error) {
	all := p.AllServices()
	names = slices.Clone(names)
	slices.Sort(names)
	var list []*Service
	for _, name := range slices.Compact(names) {
		s, ok := all[name]
		if !ok {
			return nil, fmt.Errorf("no service %s in %s: there are %s", name, p.files(), strings.Join(p.AllNames(), ", "))
		}
		list = append(list, &Service{s, p})
	}
	return list, nil
}

// AllNames are the names of all services, also of profiles that are not active.
func (p *Project) AllNames() []string {
	var names []string
	for name := range p.AllServices() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// files are those of the project, as arguments have them.
func (p *Project) files() string { return strings.Join(p.relative(p.ComposeFiles...), ", ") }

// relative are absolute paths from the folder that docker compose is called in: the project's, or
// with another one that is named, this one.
func (p *Project) relative(files ...string) []string {
	from := p.WorkingDir
	if p.options.Directory != "" {
		from, _ = os.Getwd()
	}
	var names []string
	for _, file := range files {
		if rel, err := filepath.Rel(from, file); err == nil {
			file = rel
		}
		names = append(names, filepath.ToSlash(file))
	}
	return names
}

// mode is where a service has its network: that of a service, by name, and what that has for
// one, empty for networks of the project.
func (s *Service) mode() (owner, mode string) {
	for all := s.project.AllServices(); ; {
		name, shared := strings.CutPrefix(s.NetworkMode, types.ServicePrefix)
		next, ok := all[name]
		if !shared || !ok { // compose-go refuses circles
			return s.Name, s.NetworkMode
		}
		s = &Service{next, s.project}
	}
}

// Unreachable is why no client reaches a debugger that listens in the service's container,
// empty where one does.
func (s *Service) Unreachable() string {
	const remedy = "add --variant attach"
	switch _, mode := s.mode(); {
	case mode == "none":
		return "its network_mode is none, so that no client reaches a debugger in it: " + remedy
	case strings.HasPrefix(mode, types.ContainerPrefix):
		return fmt.Sprintf("its network_mode is %s, whose ports no compose file publishes: %s", mode, remedy)
	}
	return ""
}

// NoContainer is why the service has no container that could be debugged, empty where it has.
func (s *Service) NoContainer() string {
	switch {
	case s.Provider != nil:
		return fmt.Sprintf("it has a provider, %s, and no container of its own", s.Provider.Type)
	case s.Build == nil && s.Image == "":
		return "it has neither an image nor a build"
	}
	return ""
}

// SharesImage says that services have one image.
func (s *Service) SharesImage(other *Service) bool {
	return s.Image != "" && canonical(s.Image) == canonical(other.Image)
}

// StartsElsewhere says that the compose file starts something else than ENTRYPOINT of the
// service's image, in this service or in another that has the image.
func (s *Service) StartsElsewhere() bool {
	for _, other := range s.project.AllServices() {
		o := &Service{other, s.project}
		if o.ReplacesEntrypoint() && (o.Name == s.Name || o.SharesImage(s)) {
			return true
		}
	}
	return false
}

// ReplacesEntrypoint says that the compose file starts something else than the image's
// ENTRYPOINT.
func (s *Service) ReplacesEntrypoint() bool { return s.Entrypoint != nil }
