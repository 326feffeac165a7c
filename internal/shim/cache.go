package shim

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// cacheUsers are the subcommands that compile and so gain from a build cache.
// The others don't see it: `go clean -cache` and what scripts do with the answer
// of `go env GOCACHE` are meant for the step's own cache, which won't outlive
// the step's layer.
var cacheUsers = names("build fix generate get install list run test tool vet")

// cachedEnviron returns env with GOCACHE set to the step's cache mount, where
// there is one for us to write to and the user has none of his own.
func (s Step) cachedEnviron(env environ, args []string) environ {
	_, rest, ok := cutChdir(args)
	if !ok || len(rest) == 0 || !cacheUsers[rest[0]] {
		if env.get("GOCACHE") == s.GoCache {
			return env.without("GOCACHE")
		}
		return env
	}
	own := env.goCache()
	if own == "off" || own == s.GoCache {
		return env
	}
	mounts, err := readMounts(s.Mountinfo)
	if err != nil || !mounts.has(s.GoCache) || !isCacheWritable(s.GoCache) {
		return env
	}
	if own != "" && mounts.covers(own) {
		return env
	}
	return env.with("GOCACHE", s.GoCache)
}

// isCacheWritable tells whether the user of this process can add to a build
// cache: to the folder and, where another user was here first, to those in it.
func isCacheWritable(dir string) bool {
	const writeAndSearch = 2 | 1
	if !isDir(dir) || syscall.Access(dir, writeAndSearch) != nil {
		return false
	}
	for _, name := range []string{"00", "ff"} {
		sub := filepath.Join(dir, name)
		if isDir(sub) && syscall.Access(sub, writeAndSearch) != nil {
			return false
		}
	}
	return true
}

// mounts are the mount points of a mount namespace. Each has the path, in its own
// file system, of what it shows.
type mounts map[string]string

// readMounts reads a table of the form that proc(5) describes: the first field is the
// mount's number, the fourth what it shows, and the fifth its mount point, with octal
// escapes.
func readMounts(path string) (mounts, error) {
	points := make(mounts)
	err := eachMount(path, func(m mount) { points[m.point] = m.shown })
	return points, err
}

// mount is a line of such a table.
type mount struct{ id, shown, point string }

// eachMount calls do with every mount in such a table.
func eachMount(path string, do func(mount)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 4 {
			do(mount{id: fields[0], shown: unescapeMount(fields[3]), point: unescapeMount(fields[4])})
		}
	}
	return lines.Err()
}

func (m mounts) has(path string) bool {
	_, ok := m[filepath.Clean(path)]
	return ok
}

// covers tells whether path is on a mount other than the root's. What doesn't
// exist yet is looked up by the part of the path that does.
func (m mounts) covers(path string) bool {
	for dir := resolveExisting(path); dir != "/" && dir != "."; dir = filepath.Dir(dir) {
		if m.has(dir) {
			return true
		}
	}
	return false
}

func resolveExisting(path string) string {
	path = filepath.Clean(path)
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolveExisting(parent), filepath.Base(path))
}

func unescapeMount(field string) string {
	var b strings.Builder
	for i := 0; i < len(field); i++ {
		if field[i] == '\\' && i+3 < len(field) {
			if n, err := strconv.ParseUint(field[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(field[i])
	}
	return b.String()
}
