package frontend

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

// rootFS is a result's root file system, read through the gateway.
type rootFS struct {
	ref client.Reference
}

// stat follows symbolic links within the root. It returns nil where there is
// nothing.
func (r rootFS) stat(ctx context.Context, p string) (*fstypes.Stat, error) {
	st, err := r.ref.StatFile(ctx, client.StatRequest{Path: p})
	if isNotExist(err) {
		return nil, nil
	}
	return st, err
}

// maxLinks is how many symbolic links a path may lead through, as in Linux.
const maxLinks = 40

// resolve is the path that p leads to through symbolic links, with what is there;
// nil where there is nothing.
func (r rootFS) resolve(ctx context.Context, p string) (string, *fstypes.Stat, error) {
	st, err := r.stat(ctx, p)
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
		entry, err := r.entry(ctx, at, name)
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

// matching lists what matches the elements of a pattern below a folder, in the order in
// which BuildKit copies them (tonistiigi/fsutil/copy: ResolveWildcards). It goes into
// folders, not into links to them.
func (r rootFS) matching(ctx context.Context, folder string, elements []string) ([]string, error) {
	at, _, err := r.resolve(ctx, folder)
	if err != nil || at == "" {
		return nil, err
	}
	found := []string{at}
	for i, element := range elements {
		var next []string
		for _, dir := range found {
			entries, err := r.ref.ReadDir(ctx, client.ReadDirRequest{Path: dir})
			if err != nil && !isNotExist(err) {
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

// entry is a folder's entry of that name, links not followed; nil where there is
// none.
func (r rootFS) entry(ctx context.Context, dir, name string) (*fstypes.Stat, error) {
	entries, err := r.ref.ReadDir(ctx, client.ReadDirRequest{Path: dir, IncludePattern: literalPattern(name)})
	if isNotExist(err) {
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

// isNotExist tells whether the gateway says that a file is not there. The error
// of the file system crosses gRPC as text only.
func isNotExist(err error) bool {
	return err != nil && (errors.Is(err, fs.ErrNotExist) ||
		strings.HasSuffix(err.Error(), "no such file or directory") ||
		strings.HasSuffix(err.Error(), "not a directory"))
}

// file reads one file of a root file system in ranges.
type file struct {
	ctx  context.Context //nolint:containedctx // io.ReaderAt has no room for it
	root rootFS
	path string
}

// ReadAt implements io.ReaderAt.
func (f file) ReadAt(p []byte, off int64) (int, error) {
	dt, err := f.root.ref.ReadFile(f.ctx, client.ReadRequest{
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
