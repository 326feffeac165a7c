// Package rootfs reads the file system of a build's result through the gateway.
package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/moby/buildkit/frontend/gateway/client"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// FS is a result's root file system. Ref is nil where there is none.
type FS struct{ Ref client.Reference }

// Stat follows symbolic links within the root. It returns nil where there is
// nothing.
func (r FS) Stat(ctx context.Context, p string) (*fstypes.Stat, error) {
	st, err := r.Ref.StatFile(ctx, client.StatRequest{Path: p})
	if IsNotExist(err) {
		return nil, nil
	}
	return st, err
}

// maxLinks is how many symbolic links a path may lead through, as in Linux.
const maxLinks = 40

// Resolve is the path that p leads to through symbolic links, with what is there;
// nil where there is nothing.
func (r FS) Resolve(ctx context.Context, p string) (string, *fstypes.Stat, error) {
	st, err := r.Stat(ctx, p)
	if err != nil || st == nil {
		return "", nil, err
	}
	at, rest := "/", split(p)
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			at = path.Dir(at)
			continue
		}
		entry, err := r.Entry(ctx, at, name)
		if err != nil {
			return "", nil, err
		}
		if entry == nil {
			return "", nil, nil
		}
		if fs.FileMode(entry.Mode)&fs.ModeSymlink == 0 {
			at = path.Join(at, name)
			continue
		}
		if links++; links > maxLinks {
			return "", nil, fmt.Errorf("resolving %s: too many symbolic links", p)
		}
		if path.IsAbs(entry.Linkname) {
			at = "/"
		}
		rest = append(split(entry.Linkname), rest...)
	}
	return at, st, nil
}

// Matching lists what matches the elements of a pattern below a folder, in the order in
// which BuildKit copies them (tonistiigi/fsutil/copy: ResolveWildcards). It goes into
// folders, not into links to them.
func (r FS) Matching(ctx context.Context, folder string, elements []string) ([]string, error) {
	at, _, err := r.Resolve(ctx, folder)
	if err != nil || at == "" {
		return nil, err
	}
	found := []string{at}
	for i, element := range elements {
		var next []string
		for _, dir := range found {
			entries, err := r.Ref.ReadDir(ctx, client.ReadDirRequest{Path: dir})
			if err != nil && !IsNotExist(err) {
				return nil, fmt.Errorf("reading the folder %s: %w", dir, err)
			}
			for _, e := range entries {
				name := path.Base(e.Path)
				if ok, err := path.Match(element, name); name != element && (err != nil || !ok) {
					continue
				}
				if i == len(elements)-1 || fs.FileMode(e.Mode).IsDir() {
					next = append(next, path.Join(dir, name))
				}
			}
		}
		found = next
	}
	return found, nil
}

// Entry is a folder's entry of that name, links not followed; nil where there is
// none.
func (r FS) Entry(ctx context.Context, dir, name string) (*fstypes.Stat, error) {
	entries, err := r.Ref.ReadDir(ctx, client.ReadDirRequest{Path: dir, IncludePattern: literalPattern(name)})
	if IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the folder %s: %w", dir, err)
	}
	for _, e := range entries {
		if path.Base(e.Path) == name {
			return e, nil
		}
	}
	return nil, nil
}

// literalPattern quotes what means something in a pattern (moby/patternmatcher).
func literalPattern(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}

// split lists the elements of a path, without empty ones and dots.
func split(p string) []string {
	var elements []string
	for e := range strings.SplitSeq(p, "/") {
		if e != "" && e != "." {
			elements = append(elements, e)
		}
	}
	return elements
}

// IsNotExist tells whether the gateway says that a file is not there. The error
// of the file system crosses gRPC as text only.
func IsNotExist(err error) bool {
	return err != nil && (errors.Is(err, fs.ErrNotExist) ||
		strings.HasSuffix(err.Error(), "no such file or directory") ||
		strings.HasSuffix(err.Error(), "not a directory"))
}

// Text reads up to size bytes of a file, "" where there is none.
func (r FS) Text(ctx context.Context, file string, size int) (string, error) {
	dt, err := r.Ref.ReadFile(ctx, client.ReadRequest{Filename: file, Range: &client.FileRange{Length: size}})
	if IsNotExist(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", file, err)
	}
	return string(dt), nil
}

// File is one file, read in ranges.
func (r FS) File(ctx context.Context, file string) io.ReaderAt { return ranges{ctx, r, file} }

type ranges struct {
	ctx  context.Context //nolint:containedctx // io.ReaderAt has no room for it
	root FS
	path string
}

// ReadAt implements io.ReaderAt.
func (f ranges) ReadAt(p []byte, off int64) (int, error) {
	dt, err := f.root.Ref.ReadFile(f.ctx, client.ReadRequest{
		Filename: f.path,
		Range:    &client.FileRange{Offset: int(off), Length: len(p)},
	})
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", f.path, err)
	}
	n := copy(p, dt)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
