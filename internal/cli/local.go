package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/cli/connect"
	"golang.org/x/mod/modfile"
)

// localFolders finds the folders of this machine that an image's paths lead to: dir,
// or, where it is empty, the module of the working folder if that is the image's. The
// notes say what was not found.
func localFolders(ctx context.Context, image connect.Image, dir string) (local connect.Local, notes []string, err error) {
	local.Windows = runtime.GOOS == "windows"
	if dir == "" {
		local.Module, notes, err = workingModule(image)
	} else {
		local.Module, notes, err = namedModule(image, dir)
	}
	if err != nil {
		return local, nil, err
	}
	if local.ModCache, local.GOROOT, err = goFolders(ctx, local.Module); err != nil {
		notes = append(notes, fmt.Sprintf("sources of dependencies and of the standard library are not mapped: %s", err))
	}
	return local, notes, nil
}

// namedModule is the folder that --local names.
func namedModule(image connect.Image, dir string) (folder string, notes []string, err error) {
	if !bake.IsFolder(dir) {
		return "", nil, fmt.Errorf("--local is %q, which is not a folder: use the folder with the go.mod of %s", dir, image.Module)
	}
	if folder, err = filepath.Abs(dir); err != nil {
		return "", nil, fmt.Errorf("--local is %q: %w", dir, err)
	}
	if _, module, err := moduleAbove(folder); err != nil {
		return "", nil, err
	} else if module != "" && module != image.Module {
		notes = append(notes, fmt.Sprintf("%s is a folder of module %s, and the image was compiled from %s", dir, module, image.Module))
	}
	return folder, notes, nil
}

// workingModule is the folder of the working folder's module, empty where that is not
// the image's.
func workingModule(image connect.Image) (folder string, notes []string, err error) {
	working, err := os.Getwd()
	if err != nil {
		return "", nil, fmt.Errorf("finding the sources: %w", err)
	}
	folder, module, err := moduleAbove(working)
	if err != nil {
		return "", nil, err
	}
	if module == image.Module {
		return folder, nil, nil
	}
	here := "is part of no Go module"
	if module != "" {
		here = "is part of module " + module
	}
	return "", []string{fmt.Sprintf("the image was compiled from module %s, and the working folder %s: set the module's folder with --local, or replace %s with it",
		image.Module, here, image.Placeholder(runtime.GOOS == "windows"))}, nil
}

// moduleAbove returns the folder of the next go.mod from dir upwards, and its module.
// Both are empty where there is none.
func moduleAbove(dir string) (folder, module string, err error) {
	for {
		path := filepath.Join(dir, "go.mod")
		data, err := os.ReadFile(path)
		if err == nil {
			return dir, modfile.ModulePath(data), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", "", fmt.Errorf("finding the sources: %w", err)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", "", nil
		}
		dir = parent
	}
}

// goFolders asks the go command for GOMODCACHE and GOROOT, as they are in a folder.
func goFolders(ctx context.Context, dir string) (modCache, goroot string, err error) {
	cmd := exec.CommandContext(ctx, "go", "env", "-json", "GOMODCACHE", "GOROOT")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("running go env: %w %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	var env struct{ GOMODCACHE, GOROOT string }
	if err := json.Unmarshal(out, &env); err != nil {
		return "", "", fmt.Errorf("reading the output of go env: %w", err)
	}
	return env.GOMODCACHE, env.GOROOT, nil
}
