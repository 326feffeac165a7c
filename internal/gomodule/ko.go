package gomodule

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// DefaultBase is the image that a program is put into where nothing else is named: ko's.
const DefaultBase = "cgr.dev/chainguard/static:latest"

// koFile is ko's configuration, by its usual name.
const koFile = ".ko.yaml"

// Config is ko's configuration, as far as it is about building.
type Config struct {
	// Base is the image of all programs, Bases those of programs by import path in lower case.
	Base  string
	Bases map[string]string

	Platforms []string

	// Env, Flags and Ldflags are for programs whose build names none.
	Env, Flags []string
	Ldflags    []string

	file   string // "" where there is none
	builds []Build
}

// Build says how one program is compiled.
type Build struct {
	ID      string   `yaml:"id"`
	Dir     string   `yaml:"dir"`
	Main    string   `yaml:"main"`
	Env     []string `yaml:"env"`
	Flags   fields   `yaml:"flags"`
	Ldflags texts    `yaml:"ldflags"`

	Capabilities yaml.Node `yaml:"linux_capabilities"`

	folder string // of the main package
}

// fields are a list, or a text of words.
type fields []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (f *fields) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*f = strings.Fields(n.Value)
		return nil
	}
	return n.Decode((*[]string)(f))
}

// texts are a list, or one text.
type texts []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (t *texts) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*t = []string{n.Value}
		return nil
	}
	return n.Decode((*[]string)(t))
}

// ReadConfig reads ko's configuration: the file or the folder that KO_CONFIG_PATH names, else
// .ko.yaml of one of the folders, the first that has it. lookup is that of the environment,
// whose KO_DEFAULTBASEIMAGE and KO_DEFAULTPLATFORMS count more than the file.
func ReadConfig(lookup func(string) (string, bool), folders ...string) (*Config, error) {
	c := &Config{Bases: map[string]string{}}
	data, err := c.find(lookup, folders)
	if err != nil {
		return nil, err
	}
	var top map[string]yaml.Node
	if err := yaml.Unmarshal(data, &top); err != nil {
		return nil, fmt.Errorf("%s: %w", c.file, firstLine(err))
	}
	for key, value := range top {
		if err := c.set(strings.ToLower(key), value); err != nil {
			var mismatch *yaml.TypeError
			if errors.As(err, &mismatch) {
				err = errors.New(strings.Join(mismatch.Errors, ", "))
			}
			return nil, fmt.Errorf("%s: %s: %w", c.file, key, err)
		}
	}
	if base, ok := lookup("KO_DEFAULTBASEIMAGE"); ok && base != "" {
		c.Base = base
	}
	if list, ok := lookup("KO_DEFAULTPLATFORMS"); ok && list != "" {
		c.Platforms = strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
	}
	return c, nil
}

// ConfigFiles are the files that [ReadConfig] looks for. They need not exist.
func ConfigFiles(lookup func(string) (string, bool), folders ...string) []string {
	if named, ok := lookup("KO_CONFIG_PATH"); ok && named != "" {
		folders = []string{named}
		if !isFolder(named) {
			return folders
		}
	}
	var files []string
	for _, dir := range folders {
		files = append(files, filepath.Join(dir, koFile))
	}
	return files
}

// find reads the file, which need not exist.
func (c *Config) find(lookup func(string) (string, bool), folders []string) ([]byte, error) {
	if named, ok := lookup("KO_CONFIG_PATH"); ok && named != "" {
		if c.file = named; isFolder(named) {
			c.file = filepath.Join(named, koFile)
		}
		data, err := os.ReadFile(c.file)
		if err != nil {
			return nil, fmt.Errorf("reading ko's configuration by KO_CONFIG_PATH: %w", err)
		}
		return data, nil
	}
	for _, dir := range folders {
		data, err := os.ReadFile(filepath.Join(dir, koFile))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading ko's configuration: %w", err)
		}
		c.file = filepath.Join(dir, koFile)
		return data, nil
	}
	return nil, nil
}

// set takes a key, in lower case since ko does not mind it. Others mean nothing here.
func (c *Config) set(key string, value yaml.Node) error {
	switch key {
	case "defaultbaseimage":
		return value.Decode(&c.Base)
	case "baseimageoverrides":
		var bases map[string]string
		err := value.Decode(&bases)
		for name, base := range bases {
			c.Bases[strings.ToLower(name)] = base
		}
		return err
	case "defaultplatforms":
		return value.Decode((*fields)(&c.Platforms))
	case "defaultenv":
		return value.Decode((*fields)(&c.Env))
	case "defaultflags":
		return value.Decode((*fields)(&c.Flags))
	case "defaultldflags":
		return value.Decode((*fields)(&c.Ldflags))
	case "builds":
		if err := value.Decode(&c.builds); err != nil {
			return err
		}
		for i := range c.builds {
			if err := c.locate(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// locate finds the main package of a build. Its folders are relative to the file's: ko is
// called there.
func (c *Config) locate(i int) error {
	b := &c.builds[i]
	b.ID = cmp.Or(b.ID, fmt.Sprintf("#%d", i))
	dir, err := filepath.Abs(filepath.Join(filepath.Dir(c.file), filepath.FromSlash(b.Dir), filepath.FromSlash(b.Main)))
	if err != nil {
		return err
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		dir = filepath.Dir(dir) // main may be a file
	}
	if !isFolder(dir) {
		return fmt.Errorf("build %s: %s is not a folder: check its dir and main", b.ID, dir)
	}
	b.folder = dir
	return nil
}

// Build is how the program in a folder is compiled: by its entry, with what the
// configuration has for all in the place of what that leaves out.
func (c *Config) Build(dir string) (Build, error) {
	one := Build{}
	for _, b := range c.builds {
		if b.folder == dir {
			one = b // the last, as ko does
		}
	}
	if one.Capabilities.Kind != 0 {
		return one, fmt.Errorf("%s: build %s: linux_capabilities cannot be set without a Dockerfile: write one, or remove the key", c.file, one.ID)
	}
	if len(one.Env) == 0 {
		one.Env = c.Env
	}
	if len(one.Flags) == 0 {
		one.Flags = c.Flags
	}
	if len(one.Ldflags) == 0 {
		one.Ldflags = c.Ldflags
	}
	for _, variable := range one.Env {
		// The name is a word of the shell that compiles.
		if name, _, given := strings.Cut(variable, "="); !given || !variableName.MatchString(name) {
			return one, fmt.Errorf("%s: env has %q: it must be NAME=VALUE, and a name has letters, digits and underscores only", c.file, variable)
		}
	}
	return one, nil
}

// variableName is the name of a variable that a shell can set.
var variableName = regexp.MustCompile(`^[A-Za-z_]\w*$`)

// BaseOf is the image that the program of an import path is put into.
func (c *Config) BaseOf(importPath string) string {
	return cmp.Or(c.Bases[strings.ToLower(importPath)], c.Base, DefaultBase)
}

// Tags are the build tags among the flags.
func (b Build) Tags() []string {
	var tags []string
	for i, flag := range b.Flags {
		name, value, given := strings.Cut(strings.TrimLeft(flag, "-"), "=")
		if name != "tags" || !strings.HasPrefix(flag, "-") {
			continue
		}
		if !given && i+1 < len(b.Flags) {
			value = b.Flags[i+1]
		}
		tags = strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
	}
	return tags
}
