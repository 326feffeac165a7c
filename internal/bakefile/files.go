// Package bakefile reads bake files and compose files, and writes the bake file of their
// debug variants. buildx reads them, the docker CLI's plugin: what the written file is used
// by. Its package bake would add a quarter to the size of dlvgen, for policies that no bake
// file of ours has.
package bakefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/moby/sys/atomicwriter"
)

// File is a bake file or compose file. The name "-" is stdin.
type File struct {
	Name string
	Data []byte
}

// mark begins every file that [Bake.Debug] writes.
const mark = "# Debug variants, made by dlvgen."

// Own says that the text is of a file that dlvgen wrote.
func Own(text []byte) bool { return bytes.HasPrefix(text, []byte(mark)) }

// The files that buildx reads where none is named, and the variable that names others
// (bake/bake.go and commands/bake.go of v0.38.2).
var defaultNames = []string{
	"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml",
	"docker-bake.json", "docker-bake.hcl", "docker-bake.override.json", "docker-bake.override.hcl",
}

const (
	variableFiles     = "BUILDX_BAKE_FILE"
	variableSeparator = "BUILDX_BAKE_PATH_SEPARATOR"
)

// IsFile says that an argument of the command line is a file, and no target: names of
// targets have neither a dot nor a separator of paths.
func IsFile(arg string) bool {
	return arg == "-" || strings.ContainsAny(arg, `./\`)
}

// readFiles reads the named files, or those that buildx reads without a name. Files that
// dlvgen wrote are left out.
func readFiles(names []string, stdin io.Reader) ([]File, error) {
	given := len(names) > 0
	if list, ok := os.LookupEnv(variableFiles); ok && list != "" && !given {
		separator, ok := os.LookupEnv(variableSeparator)
		if !ok || separator == "" {
			separator = string(os.PathListSeparator)
		}
		names, given = strings.Split(list, separator), true
	}
	if !given {
		names = defaultNames
	}
	var files []File
	own := ""
	for _, name := range names {
		text, err := readFile(name, stdin)
		switch {
		case !given && errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("no bake file %s: name one that is there%s", name, asTarget(name))
		case err != nil:
			return nil, fmt.Errorf("reading the bake file: %w", err)
		case Own(text):
			own = name
		default:
			files = append(files, File{Name: name, Data: text})
		}
	}
	switch {
	case len(files) > 0:
		return files, nil
	case own != "":
		return nil, fmt.Errorf("%s is a file of dlvgen's: name the file with the production targets", own)
	}
	return nil, fmt.Errorf("no bake file in this folder: name one, or add one of %s", strings.Join(defaultNames, ", "))
}

// asTarget is what to write for a service with a dot in its name.
func asTarget(name string) string {
	if target := strings.ReplaceAll(name, ".", "_"); target != name && IsName(target) {
		return ", or the target " + target + " for a service of that name"
	}
	return ""
}

func readFile(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	if strings.Contains(name, "://") {
		return nil, fmt.Errorf("%s is a URL: clone it and name the file in it", name)
	}
	return os.ReadFile(filepath.Clean(name))
}

// IsName says that a target or a group may be called so.
func IsName(name string) bool { return namePattern.MatchString(name) }

var namePattern = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

// Replaceable is an error where the file cannot be written, or is one that dlvgen did not
// write.
func Replaceable(path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		dir := filepath.Dir(path)
		if _, err := os.Stat(dir); err != nil {
			return fmt.Errorf("no folder %s for the bake file: make it, or choose another file with -o", dir)
		}
		return nil
	case err != nil:
		return fmt.Errorf("writing the bake file: %w", err)
	case !info.Mode().IsRegular(): // reading a pipe would wait
		return fmt.Errorf("%s is not a file: choose another with -o, or leave out -o to write to stdout", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("writing the bake file: %w", err)
	}
	if !Own(text) {
		return fmt.Errorf("%s was not made by dlvgen bake: choose another file with -o, or delete it", path)
	}
	return nil
}

// Write writes the file, unless it is there as it is. It does not replace a file that
// dlvgen did not write. Whoever reads the file meanwhile has the old one or the new one.
func Write(path string, text []byte) (changed bool, err error) {
	if err := Replaceable(path); err != nil {
		return false, err
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved // the link stays
	}
	mode := fs.FileMode(0o644) // as other files of a project
	old, err := os.ReadFile(path)
	switch {
	case os.IsNotExist(err):
		if _, err := os.Lstat(path); err == nil { // a link to no file yet
			err := os.WriteFile(path, text, mode)
			return err == nil, wrapWriting(err)
		}
	case err != nil:
		return false, wrapWriting(err)
	case bytes.Equal(old, text):
		return false, nil
	default:
		info, err := os.Stat(path)
		if err != nil {
			return false, wrapWriting(err)
		}
		mode = info.Mode().Perm()
	}
	err = atomicwriter.WriteFile(path, text, mode)
	return err == nil, wrapWriting(err)
}

func wrapWriting(err error) error {
	if err != nil {
		return fmt.Errorf("writing the bake file: %w", err)
	}
	return nil
}
