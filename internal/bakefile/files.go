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

	"github.com/dlvgen/dlvgen/internal/ownfile"
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
	return written(path).Replaceable()
}

// Write writes the file, unless it is there as it is.
func Write(path string, text []byte) (changed bool, err error) { return written(path).Write(text) }

func written(path string) ownfile.File {
	return ownfile.File{Path: path, What: "bake file", Command: "dlvgen bake", Own: Own}
}
