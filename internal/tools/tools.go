// Package tools carries what dlvgen mounts into compile steps and puts into debug
// images: the stand-in for go, init and Delve, for each platform. `make build` packs them
// before it compiles dlvgen.
package tools

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/toolpack"
)

//go:embed all:packed
var embedded embed.FS

// ErrNone is returned where dlvgen was compiled before its tools were made, as `go install`
// does.
var ErrNone = errors.New("this dlvgen was built without its tools")

// Set are the tools as the local mounts of a build's session, one for each. Nothing of a
// tool is unpacked or sent before a builder asks for it.
type Set struct {
	// Digest is the SHA-256 of the index, which names what each tool is, as hex digits.
	Digest string

	// Names has the mounts' names by the tools' paths in the tree of tools:
	// "linux_amd64/delve/1.27.2". BuildKit compares the files of a local mount by size and
	// modification time only, so each content has a name of its own.
	Names map[string]string

	// Mounts are the mounts by their names. Each has the file layout.ToolArchive.
	Mounts map[string]fsutil.FS
}

// Embedded are the tools that this program carries. The error is ErrNone where there are
// none.
func Embedded() (*Set, error) {
	packs, err := fs.Sub(embedded, "packed")
	if err != nil {
		return nil, fmt.Errorf("opening the embedded tools: %w", err)
	}
	return newSet(packs)
}

func newSet(packs fs.FS) (*Set, error) {
	index, err := toolpack.ReadIndex(packs)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	set := &Set{Names: map[string]string{}, Mounts: map[string]fsutil.FS{}}
	text, err := fs.ReadFile(packs, toolpack.IndexFile)
	if err != nil {
		return nil, fmt.Errorf("reading the embedded tools: %w", err)
	}
	sum := sha256.Sum256(text)
	set.Digest = hex.EncodeToString(sum[:])
	for tool, packed := range index.Tools {
		name := "dlvgen-" + strings.ReplaceAll(tool, "/", "-") + "-" + packed.Archive[:12]
		set.Names[tool] = name
		_, inPlatform, _ := strings.Cut(tool, "/")
		set.Mounts[name] = mount{packs: packs, packed: packed, tool: inPlatform}
	}
	return set, nil
}

// mount is a folder with the archive of one tool. It never changes, so that its times do
// not either.
type mount struct {
	packs  fs.FS
	packed toolpack.Tool
	tool   string
}

// Walk calls fn for the archive. target is the root, "" or this system's separator, or the
// archive.
func (m mount) Walk(ctx context.Context, target string, fn fs.WalkDirFunc) error {
	if at := path.Join("/", filepath.ToSlash(target)); at != "/" && at != "/"+layout.ToolArchive {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	stat := &types.Stat{Path: layout.ToolArchive, Mode: 0o644, Size: m.packed.Size}
	return fn(layout.ToolArchive, &fsutil.DirEntryInfo{Stat: stat}, nil)
}

// Open makes the archive while it is read.
func (m mount) Open(name string) (io.ReadCloser, error) {
	if path.Join("/", name) != "/"+layout.ToolArchive {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	pack, err := m.packs.Open(m.packed.Pack)
	if err != nil {
		return nil, fmt.Errorf("opening the packed tools: %w", err)
	}
	r, w := io.Pipe()
	go func() {
		err := toolpack.WriteArchive(w, pack, m.tool)
		_ = w.CloseWithError(errors.Join(err, pack.Close())) // has no error
	}()
	return r, nil
}
