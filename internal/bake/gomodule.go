package bake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/internal/gomodule"
	"github.com/tonistiigi/fsutil"
)

// The names of the Dockerfiles that are made of a Go module, for variants and for the
// production image. Messages about their steps have them.
const (
	moduleDockerfile     = "dlvgen.Dockerfile"
	productionDockerfile = "production.Dockerfile"
)

// goModule is a Go module without a Dockerfile.
type goModule struct {
	module *gomodule.Module
	files  map[string]string // Dockerfiles, and what they leave out of the context
}

// load implements [source].
func (g goModule) load(in *inputs, _ io.Reader) (production.Source, error) {
	dir, err := in.tempDir()
	if err != nil {
		return nil, err
	}
	for name, text := range g.files {
		if err := writeFile(filepath.Join(dir, name), strings.NewReader(text)); err != nil {
			return nil, err
		}
	}
	for i, f := range g.module.Folders {
		if i == 0 {
			in.sharedKey, err = baseName(f.Dir), in.mount("context", f.Dir)
		} else {
			err = in.namedModule(gomodule.ContextName(i), f.Dir)
		}
		if err != nil {
			return nil, err
		}
	}
	files, err := in.tempDir()
	if err != nil {
		return nil, err
	}
	has, err := g.module.CopyKodata(files)
	if err != nil {
		return nil, err
	}
	if has {
		if err := in.namedFolder(gomodule.Kodata, files); err != nil {
			return nil, err
		}
		// As long as the name is that of a new folder each time, no transfer would resemble another.
		in.attrs["sharedkey:localdir:"+gomodule.Kodata] = baseName(g.module.Package)
	}
	in.caps = append(in.caps, capContexts)
	in.attrs["dockerfilekey"] = "dockerfile"
	in.attrsOfProduction = map[string]string{"filename": productionDockerfile}
	return production.Dockerfile{Name: "the Go module"}, in.dockerfile(dir, moduleDockerfile)
}

// ModuleContexts are the folders that the Dockerfile of a Go module copies from: the build
// context, and named ones as NAME=FOLDER. dir is empty without a module.
func (r *Request) ModuleContexts() (dir string, named []string) {
	g, ok := r.source.(goModule)
	if !ok {
		return "", nil
	}
	for i, f := range g.module.Folders[1:] {
		named = append(named, gomodule.ContextName(i+1)+"="+f.Dir)
	}
	return g.module.Folders[0].Dir, named
}

// namedModule is a named context with a folder, but what git keeps in it.
func (in *inputs) namedModule(name, dir string) error {
	if err := in.namedFolder(name, dir); err != nil {
		return err
	}
	tree, err := fsutil.NewFilterFS(in.mounts[name], &fsutil.FilterOpt{ExcludePatterns: []string{"**/.git"}})
	if err != nil {
		return fmt.Errorf("opening %s: %w", dir, err)
	}
	in.mounts[name] = tree
	return nil
}

// source finds out what production is made from, and completes the options by what that
// says of a build. A Dockerfile comes first, unless a module was asked for.
func (o Options) source(env Environment) (source, Options, error) {
	dir := o.Context
	if !IsFolder(dir) {
		if folder := gomodule.FolderOf(strings.TrimPrefix(dir, "ko://"), "."); folder != "" {
			dir = folder
		}
	}
	switch {
	case o.Module && o.Dockerfile != "":
		return nil, o, errors.New("--module compiles a Go module without a Dockerfile, and -f names one: leave one of them out")
	case o.Module && !IsFolder(dir):
		return nil, o, fmt.Errorf("--module needs the folder of a main package: %w", notModule(o.Context))
	case o.Module || o.Dockerfile == "" && IsFolder(dir) && !hasDockerfile(dir) && gomodule.IsMain(dir, gomodule.Options{Tags: o.BuildTags}):
		return o.goModule(env, dir)
	}
	for _, only := range []struct {
		flag  string
		given bool
	}{
		{"--variant " + Production, o.Production},
		{"--base", o.Base != ""}, {"--goflags", o.GoFlags != ""}, {"--ldflags", len(o.Ldflags) > 0}, {"--tags", len(o.BuildTags) > 0},
	} {
		if only.given {
			return nil, o, fmt.Errorf("%s is for a Go module without a Dockerfile: name the folder of its main package, and add --module if that has a Dockerfile", only.flag)
		}
	}
	return dockerfile{context: o.Context, file: o.Dockerfile}, o, nil
}

// hasDockerfile says that a folder has one by its usual name.
func hasDockerfile(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, lowercase(dir, "Dockerfile")))
	return err == nil
}

// noDockerfile says what a folder has instead of a Dockerfile.
func noDockerfile(dir string) error {
	_, err := gomodule.Find(dir, gomodule.Options{Work: "off"})
	file := filepath.Join(dir, "Dockerfile")
	if err == nil {
		return fmt.Errorf("no Dockerfile at %s: name it with -f, or add --module to compile the Go program", file)
	}
	return fmt.Errorf("no Dockerfile at %s: name it with -f, or name the folder of a Go program: %w", file, err)
}

// notModule says why a context is not the folder of a module.
func notModule(name string) error {
	if name == "-" || isRemote(name) {
		return fmt.Errorf("the context is %q", name)
	}
	return noContext(name)
}

// noContext says what is meant by a context that is none.
func noContext(name string) error {
	name = strings.TrimPrefix(name, "ko://")
	if strings.HasSuffix(name, "...") {
		return fmt.Errorf("the context %q stands for several packages, and one program is built at a time: name the folder of its main package", name)
	}
	if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() && strings.HasSuffix(name, ".go") {
		return fmt.Errorf("the context %q is a Go file: name its folder, %s", name, filepath.Dir(name))
	}
	if root := gomodule.ModuleOf(name, "."); root != "" {
		return fmt.Errorf("the context %q is no package of the Go module in %s: name the folder of a main package", name, root)
	}
	return &MissingError{
		What: fmt.Sprintf("the context %q is neither a folder nor a URL", name),
		hint: "name the folder that the Dockerfile copies from, or that of a Go program",
	}
}

// goModule reads the module, and ko's configuration of it.
func (o Options) goModule(env Environment, dir string) (source, Options, error) {
	if o.Target != "" {
		return nil, o, fmt.Errorf("--target is %q: it names a stage of a Dockerfile, and a Go module is built without one", o.Target)
	}
	for _, tag := range o.BuildTags {
		if !buildTag.MatchString(tag) {
			return nil, o, fmt.Errorf("--tags is %q: a Go build tag has letters, digits, dots and underscores only (-t names the image)", tag)
		}
	}
	conf, err := gomodule.ReadConfig(env.Lookup, ".", gomodule.Root(dir))
	if err != nil {
		return nil, o, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, o, fmt.Errorf("finding the Go module: %w", err)
	}
	build, err := conf.Build(dir)
	if err != nil {
		return nil, o, err
	}
	o = o.withModuleVariables(gomodule.Variables, env)
	variables := o.compileEnv(env, build)
	cgo := slices.Contains(variables, "CGO_ENABLED=1")
	work, _ := env.Lookup("GOWORK")
	m, err := gomodule.Find(dir, gomodule.Options{Tags: append(build.Tags(), o.BuildTags...), Cgo: cgo, Work: work})
	if err != nil {
		return nil, o, err
	}
	if len(o.Platforms) == 0 {
		if o.Platforms = conf.Platforms; slices.Contains(o.Platforms, "all") {
			return nil, o, errors.New("ko's configuration has the default platform \"all\": list the platforms there, or in --platform")
		}
	}
	img := gomodule.Image{Module: m, Env: variables, Cgo: cgo, SSH: len(o.SSH) > 0, Secrets: secretIDs(o.Secrets), Versions: o.versions()}
	if img.Base, err = o.base(conf, m); err != nil {
		return nil, o, err
	}
	if err := o.setFlags(env, &img, build); err != nil {
		return nil, o, err
	}
	g := goModule{module: m}
	if g.files, err = dockerfilesOf(img); err != nil {
		return nil, o, err
	}
	if o.GoFlags != "" {
		o.BuildArgs = append(o.BuildArgs, "GOFLAGS="+o.GoFlags)
	}
	if _, given := env.Lookup(sourceDateEpoch); !given {
		o.BuildArgs = slices.Insert(o.BuildArgs, 0, sourceDateEpoch+"=0") // as ko's images
	}
	return g, o, nil
}

// dockerfilesOf are the files that an image is built by.
func dockerfilesOf(img gomodule.Image) (map[string]string, error) {
	ignored, err := img.Ignored()
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, name := range []string{moduleDockerfile, productionDockerfile} {
		img.Production = name == productionDockerfile
		if files[name], err = img.Dockerfile(); err != nil {
			return nil, err
		}
		files[name+".dockerignore"] = string(ignored)
	}
	return files, nil
}

// buildTag is a Go build tag.
var buildTag = regexp.MustCompile(`^[\p{L}\p{Nd}_.]+$`)

// machines are variables that name what only this machine has, or that the platform and
// the image with Go decide.
var machines = []string{
	"GOBIN", "GOCACHE", "GOCACHEPROG", "GOENV", "GOMODCACHE", "GOPATH", "GOROOT", "GOTMPDIR", "GOTOOLCHAIN", "GOOS", "GOARCH", "GOWORK", "HOME", "PATH", "TMPDIR",
}

// compileEnv are the variables of the compile: those of ko's configuration, and CGO_ENABLED
// of the environment.
func (o Options) compileEnv(env Environment, build gomodule.Build) []string {
	var list []string
	cgo, set := env.Lookup("CGO_ENABLED")
	for _, variable := range build.Env {
		name, _, _ := strings.Cut(variable, "=")
		if slices.Contains(machines, name) || name == "GOFLAGS" && o.GoFlags != "" {
			continue
		}
		set = set && name != "CGO_ENABLED"
		list = append(list, variable)
	}
	if set && cgo != "" {
		list = append(list, "CGO_ENABLED="+cgo)
	}
	return list
}

// base is the image that the program is put into.
func (o Options) base(conf *gomodule.Config, m *gomodule.Module) (string, error) {
	base, from := o.Base, "--base"
	if base == "" {
		base, from = conf.BaseOf(m.Path), "the base image of ko's configuration"
	}
	if base == "scratch" {
		return base, nil
	}
	if _, err := reference.ParseNormalizedNamed(base); err != nil {
		return "", fmt.Errorf("%s is %q: %w", from, base, err)
	}
	return base, nil
}

// versions says that a platform has a variant that decides how Go compiles for it.
func (o Options) versions() bool {
	return slices.ContainsFunc(strings.Split(strings.Join(o.Platforms, ","), ","), func(name string) bool {
		p, err := platforms.Parse(name)
		p = platforms.Normalize(p)
		return err == nil && p.Variant != "" && (p.Architecture == "arm" || p.Architecture == "amd64")
	})
}

// setFlags sets the flags of go build: those of ko's configuration with its templates
// filled, and what the command line puts in their place.
func (o Options) setFlags(env Environment, img *gomodule.Image, build gomodule.Build) error {
	ldflags := []string(build.Ldflags)
	values := &gomodule.Values{Dir: img.Root, Env: map[string]string{"LDFLAGS": ""}, Now: buildTime(env)}
	if env.List != nil {
		for _, variable := range slices.Concat(env.List(), build.Env) {
			name, value, _ := strings.Cut(variable, "=")
			values.Env[name] = value
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), gitLimit)
	defer cancel()
	var err error
	if img.Flags, err = values.Fill(ctx, build.Flags); err != nil {
		return err
	}
	if len(o.Ldflags) > 0 {
		ldflags = o.Ldflags
	} else if ldflags, err = values.Fill(ctx, ldflags); err != nil {
		return err
	}
	img.Ldflags = strings.NewReplacer("\r", "", "\n", " ").Replace(strings.TrimSpace(strings.Join(ldflags, " ")))
	if len(o.BuildTags) > 0 {
		img.Flags = append(img.Flags, "-tags="+strings.Join(o.BuildTags, ","))
	}
	return nil
}

// gitLimit is how long git may take to answer.
const gitLimit = time.Minute

// buildTime is SOURCE_DATE_EPOCH, or the time of the call.
func buildTime(env Environment) time.Time {
	value, _ := env.Lookup(sourceDateEpoch)
	if sec, err := strconv.ParseInt(value, 10, 64); err == nil {
		return time.Unix(sec, 0)
	}
	return time.Now()
}
