package toolchain

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dlvgen/dlvgen/internal/shim/environ"
	"github.com/dlvgen/dlvgen/internal/shim/mounts"
	"github.com/dlvgen/dlvgen/internal/shim/step"
	"github.com/dlvgen/dlvgen/internal/shim/toolflags"
)

// cacheUsers are the subcommands that compile and so gain from a build cache.
// The others don't see it: `go clean -cache` and what scripts do with the answer
// of `go env GOCACHE` are meant for the step's own cache, which won't outlive
// the step's layer.
var cacheUsers = toolflags.Names("build fix generate get install list run test tool vet")

// WithCache returns the environment of a subcommand with GOCACHE set to the step's
// cache mount, where there is one for us to write to and the user has none of his own.
func WithCache(s step.Step, env environ.Environ, subcommand string) environ.Environ {
	if !cacheUsers[subcommand] {
		if env.Get("GOCACHE") == s.GoCache {
			return env.Without("GOCACHE")
		}
		return env
	}
	own := env.GoCache()
	if own == "off" || own == s.GoCache {
		return env
	}
	table, err := mounts.Read(s.Mountinfo)
	if err != nil || !table.Has(s.GoCache) || !isCacheWritable(s.GoCache) {
		return env
	}
	if own != "" && table.Covers(own) {
		return env
	}
	return env.With("GOCACHE", s.GoCache)
}

// isCacheWritable tells whether the user of this process can add to a build
// cache: to the folder and, where another user was here first, to those in it.
func isCacheWritable(dir string) bool {
	const writeAndSearch = 2 | 1
	if !step.IsDir(dir) || syscall.Access(dir, writeAndSearch) != nil {
		return false
	}
	for _, name := range []string{"00", "ff"} {
		sub := filepath.Join(dir, name)
		if step.IsDir(sub) && syscall.Access(sub, writeAndSearch) != nil {
			return false
		}
	}
	return true
}

const (
	// fullBytes and fullFiles are more than a full file system has room for.
	fullBytes = 1 << 20
	fullFiles = 16

	// checkLimit is how long a failed build may look for damage: most have another
	// cause, and a person waits for the compiler's message.
	checkLimit = time.Second
)

// ExplainFailure says what a failed build has to do with dlvgen's build cache, where
// that is full or damaged.
//
// Go finds a cached package by its inputs and compares no more than its size: a file
// with other content of that size makes the compiler or the linker fail at its
// format, on packages that nobody touched (cmd/go/internal/cache.GetFile). The name
// of such a file is the SHA-256 of what it had. Damaged ones are removed, so that the
// next build compiles them.
func ExplainFailure(s step.Step, env environ.Environ) {
	if env.Get("GOCACHE") != s.GoCache {
		return
	}
	const remedy = "build with --no-go-cache to do without it"
	if isFull(s.GoCache) {
		s.Say(fmt.Sprintf("dlvgen: the builder has no room left for Go's build cache (%s): prune the builder, or %s\n", s.GoCache, remedy))
		return
	}
	if n := removeDamaged(s.GoCache, time.Now().Add(checkLimit)); n > 0 {
		s.Say(fmt.Sprintf("dlvgen: %d files of Go's build cache (%s) were damaged and have been removed: build again, or %s\n", n, s.GoCache, remedy))
	}
}

// isFull tells whether nothing more can be written to a folder.
func isFull(dir string) bool {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return false
	}
	return st.Bavail*uint64(st.Bsize) < fullBytes || st.Files > 0 && st.Ffree < fullFiles
}

// removeDamaged removes the files of a build cache whose content is not what their
// names say, the last written first, and returns how many there were.
func removeDamaged(cache string, until time.Time) int {
	type entry struct {
		path    string
		written time.Time
	}
	var entries []entry
	files, err := filepath.Glob(filepath.Join(cache, "[0-9a-f][0-9a-f]", "*-d"))
	if err != nil {
		return 0
	}
	for _, path := range files {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			entries = append(entries, entry{path, info.ModTime()})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return b.written.Compare(a.written) })
	removed := 0
	for _, e := range entries {
		if time.Now().After(until) {
			break
		}
		if isDamaged(e.path) && os.Remove(e.path) == nil {
			removed++
		}
	}
	return removed
}

func isDamaged(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return false
	}
	return hex.EncodeToString(hash.Sum(nil)) != strings.TrimSuffix(filepath.Base(path), "-d")
}
