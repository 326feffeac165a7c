package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/shim/mounts"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

// origins say which files may be captured: those of the step's root file system and of
// its bind and cache mounts. All others lie where secrets do, or are the kernel's.
type origins struct {
	// points are the mount points by the kernel's number of the mount.
	points map[string]string

	// open are the mount points whose files may be captured.
	open map[string]bool
}

// originsOf reads what the step was told of its mounts, and where the kernel has them.
func originsOf(s step.Step) (origins, error) {
	o := origins{points: make(map[string]string), open: map[string]bool{"/": true}}
	err := mounts.Each(s.Mountinfo, func(m mounts.Mount) { o.points[m.ID] = m.Point })
	if err != nil {
		return o, fmt.Errorf("reading the table of mounts: %w", err)
	}
	told, err := os.ReadFile(filepath.Join(s.Capture, layout.CaptureFrom))
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err != nil {
		return o, err
	}
	var points []string
	if err := json.Unmarshal(told, &points); err != nil {
		return o, fmt.Errorf("reading which mounts may be captured from: %w", err)
	}
	for _, point := range points {
		o.open[mounts.Resolve(point)] = true // the kernel has it behind all links
	}
	return o, nil
}

// leftOutError says why a file is not captured that could be.
type leftOutError struct{ point string }

func (e *leftOutError) Error() string {
	if e.point == "" {
		return "it lies on a mount that the step does not list"
	}
	return "it lies on the mount " + e.point + ", which is neither a bind nor a cache mount"
}

// read returns a regular file's content, and what the file was before it was read. The
// error is a leftOutError for one that may not be captured. Where the file lies is
// asked of the open file itself, which no link and no rename changes.
func (o origins) read(path string) ([]byte, os.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not hold it up
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	id, err := mountOf(f)
	if err != nil {
		return nil, nil, err
	}
	if point := o.points[id]; !o.open[point] {
		return nil, nil, &leftOutError{point}
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is no regular file", path)
	}
	data, err := io.ReadAll(f)
	return data, info, err
}

// mountOf is the kernel's number of the mount that an open file lies on (proc(5),
// /proc/pid/fdinfo).
func mountOf(f *os.File) (string, error) {
	info, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(int(f.Fd())))
	if err != nil {
		return "", fmt.Errorf("asking where %s lies: %w", f.Name(), err)
	}
	for line := range strings.Lines(string(info)) {
		if id, ok := strings.CutPrefix(line, "mnt_id:"); ok {
			return strings.TrimSpace(id), nil
		}
	}
	return "", fmt.Errorf("asking where %s lies: the kernel does not tell", f.Name())
}
