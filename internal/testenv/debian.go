package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// buildPackages is what the official golang image has on top of Debian that
// Dockerfiles rely on.
var buildPackages = []string{"ca-certificates", "git", "gcc", "libc6-dev", "make"}

// debianRecipe changes when the steps below change, so that kept layers are made anew.
const debianRecipe = "1"

// debianLayers returns a minimal Debian root, and what buildPackages add to it.
// Both are made by debootstrap from the machine's own mirror, once.
func (s store) debianLayers(ctx context.Context, certificates []byte) (root, tools layer, err error) {
	source, err := machineAptSource()
	if err != nil {
		return layer{}, layer{}, err
	}
	rootKey := layerKey("debian", debianRecipe, runtime.GOARCH, source.Mirror, source.Suite)
	toolsKey := layerKey(append([]string{rootKey}, buildPackages...)...)
	root, haveRoot := s.get(rootKey)
	tools, haveTools := s.get(toolsKey)
	if haveRoot && haveTools {
		return root, tools, nil
	}

	dir, err := os.MkdirTemp(s.tmp(), "debian-*")
	if err != nil {
		return layer{}, layer{}, fmt.Errorf("making the Debian base image: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// A chroot whose own folder is 0700 is not enterable for apt's sandbox user.
	if err := os.Chmod(dir, 0o755); err != nil {
		return layer{}, layer{}, fmt.Errorf("making the Debian base image: %w", err)
	}
	if err := debootstrap(ctx, dir, source); err != nil {
		return layer{}, layer{}, err
	}
	before := map[string]fileState{}
	root, err = s.put(rootKey, rootTar{dir: dir, owned: true, keep: func(rel string, info fs.FileInfo) bool {
		before[rel] = stateOf(info)
		return !aptLeftover(rel)
	}}.write)
	if err != nil {
		return layer{}, layer{}, err
	}

	if err := installBuildPackages(ctx, dir, certificates); err != nil {
		return layer{}, layer{}, err
	}
	tools, err = s.put(toolsKey, func(w io.Writer) error {
		return rootTar{dir: dir, owned: true, keep: func(rel string, info fs.FileInfo) bool {
			return !aptLeftover(rel) && (info.IsDir() || before[rel] != stateOf(info))
		}}.write(w)
	})
	return root, tools, err
}

func debootstrap(ctx context.Context, dir string, source aptSource) error {
	args := []string{"--variant=minbase"}
	if source.Keyring != "" {
		args = append(args, "--keyring="+source.Keyring)
	}
	args = append(args, source.Suite, dir, source.Mirror)
	if err := run(ctx, "/", nil, "debootstrap", args...); err != nil {
		return fmt.Errorf("making the Debian base image: %w", err)
	}
	return nil
}

// installBuildPackages runs the root's own apt-get, with the machine's name
// servers and certificates.
func installBuildPackages(ctx context.Context, dir string, certificates []byte) error {
	bundle := filepath.Join(dir, certificatesPath)
	if err := os.MkdirAll(filepath.Dir(bundle), 0o755); err != nil {
		return fmt.Errorf("installing build packages: %w", err)
	}
	if err := os.WriteFile(bundle, certificates, 0o644); err != nil {
		return fmt.Errorf("installing build packages: %w", err)
	}
	resolv, err := os.ReadFile("/etc/resolv.conf")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("installing build packages: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "etc", "resolv.conf"), resolv, 0o644); err != nil {
		return fmt.Errorf("installing build packages: %w", err)
	}
	script := "apt-get update && apt-get install -y --no-install-recommends " + strings.Join(buildPackages, " ")
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", script)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
	changeRoot(cmd, dir)
	cmd.Dir = "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("installing build packages: %w: %s", err, out)
	}
	return nil
}

// aptLeftover says whether a file is one that slim images delete.
func aptLeftover(rel string) bool {
	for _, dir := range []string{"var/lib/apt/lists/", "var/cache/apt/", "usr/share/doc/", "usr/share/locale/", "usr/share/man/", "usr/share/info/", "dev/", "proc/", "sys/", "debootstrap/"} {
		if strings.HasPrefix(rel+"/", dir) && rel+"/" != dir {
			return true
		}
	}
	return rel == "debootstrap" || rel == "etc/resolv.conf" || strings.HasPrefix(rel, "var/log/")
}

// fileState tells a file that was written from one that was not.
type fileState struct {
	size         int64
	mode         fs.FileMode
	mtime, ctime time.Time
}

func stateOf(info fs.FileInfo) fileState {
	return fileState{size: info.Size(), mode: info.Mode(), mtime: info.ModTime(), ctime: changed(info)}
}
