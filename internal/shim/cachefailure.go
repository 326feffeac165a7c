package shim

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
)

const (
	// fullBytes and fullFiles are more than a full file system has room for.
	fullBytes = 1 << 20
	fullFiles = 16

	// checkLimit is how long a failed build may look for damage: most have another
	// cause, and a person waits for the compiler's message.
	checkLimit = time.Second
)

// explainFailure says what a failed build has to do with dlvgen's build cache, where
// that is full or damaged.
//
// Go finds a cached package by its inputs and compares no more than its size: a file
// with other content of that size makes the compiler or the linker fail at its
// format, on packages that nobody touched (cmd/go/internal/cache.GetFile). The name
// of such a file is the SHA-256 of what it had. Damaged ones are removed, so that the
// next build compiles them.
func (b build) explainFailure() {
	if b.env.get("GOCACHE") != b.step.GoCache {
		return
	}
	const remedy = "build with --no-go-cache to do without it"
	if isFull(b.step.GoCache) {
		b.step.say(fmt.Sprintf("dlvgen: the builder has no room left for Go's build cache (%s): prune the builder, or %s\n", b.step.GoCache, remedy))
		return
	}
	if n := removeDamaged(b.step.GoCache, time.Now().Add(checkLimit)); n > 0 {
		b.step.say(fmt.Sprintf("dlvgen: %d files of Go's build cache (%s) were damaged and have been removed: build again, or %s\n", n, b.step.GoCache, remedy))
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
