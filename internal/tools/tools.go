// Package tools carries what dlvgen mounts into compile steps and puts into debug
// images: the stand-in for go, init and Delve, one folder per platform as
// internal/layout names them. `make build` fills the tree before it compiles dlvgen.
package tools

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"

	"github.com/dlvgen/dlvgen/internal/layout"
)

//go:embed all:tree
var embedded embed.FS

// ErrNone is returned where dlvgen was compiled before its tools were made.
var ErrNone = errors.New("this dlvgen was built without its tools: run `make build` and use bin/dlvgen")

// FS returns the tree of tools as BuildKit's file sync sends it, and the tree's
// digest as 64 hex digits, which toolstree has written: to compute it here took a tenth
// of a small build. Every entry has mode 0755, owner 0:0 and the modification time 0, so
// that equal trees make equal layers. The files beside the platforms' folders are no
// tools and are left out. The error is ErrNone where the tree has no digest.
func FS() (fsutil.FS, string, error) {
	sub, err := fs.Sub(embedded, "tree")
	if err != nil {
		return nil, "", fmt.Errorf("opening the embedded tools: %w", err)
	}
	return newTree(sub)
}

// LocalName names the session's local mount for a tree of that digest. BuildKit
// compares the files of a local mount by size and modification time only, so each
// tree needs a name of its own.
func LocalName(digest string) string {
	return "dlvgen-tools-" + digest[:12]
}

// tree is an fsutil.FS over the files of an fs.FS.
type tree struct {
	files fs.FS
}

func newTree(files fs.FS) (fsutil.FS, string, error) {
	digest, err := fs.ReadFile(files, layout.ToolsDigest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", ErrNone
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading the embedded tools: %w", err)
	}
	return tree{files: files}, string(digest), nil
}

// Walk calls fn for target and everything below it, in lexical order; "" is the
// root, which is not itself reported.
func (t tree) Walk(ctx context.Context, target string, fn fs.WalkDirFunc) error {
	return fs.WalkDir(t.files, path.Join(".", target), func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return fn(p, d, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !d.IsDir() && !strings.Contains(p, "/") || p == "." {
			return nil
		}
		stat := &types.Stat{Path: p, Mode: uint32(0o755)}
		if d.IsDir() {
			stat.Mode |= uint32(os.ModeDir)
		} else {
			info, err := d.Info()
			if err != nil {
				return fn(p, d, err)
			}
			stat.Size = info.Size()
		}
		return fn(p, &fsutil.DirEntryInfo{Stat: stat}, nil)
	})
}

// Open opens a file of the tree by its path relative to the root.
func (t tree) Open(p string) (io.ReadCloser, error) {
	return t.files.Open(path.Clean(p))
}
