package toolpack

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"
)

// window is how far back a pack refers to what it has already: beyond the tool ahead.
const window = 32 << 20

// format changes with what a pack or an archive is made by. The archive's size is in the
// index, and another Go compresses otherwise.
func format() string { return "1, " + runtime.Version() }

// Group is what one pack has.
type Group struct {
	// Name is the pack's, relative to the folder of packs and without its ending:
	// "linux_amd64/delve".
	Name string

	// Tools are the tools' paths in the tree. Those that share much stand next to each
	// other, and a tool is the quicker to get at the earlier it stands.
	Tools []string
}

// Write packs the tools of a tree into a folder. Packs of the same tools are left alone,
// others' files are deleted. The index is written last: without it, nothing is packed.
func Write(ctx context.Context, tree fs.FS, dir string, groups []Group, log io.Writer) error {
	old, err := ReadIndex(os.DirFS(dir))
	if err != nil || old.Format != format() {
		old = Index{}
	}
	var saying sync.Mutex
	say := func(line string) {
		saying.Lock()
		defer saying.Unlock()
		fmt.Fprintln(log, line)
	}
	parts := make([]map[string]Tool, len(groups))
	packing, ctx := errgroup.WithContext(ctx)
	packing.SetLimit(runtime.GOMAXPROCS(0))
	for i, g := range groups {
		packing.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			p := packer{tree: tree, dir: dir, old: old, say: say}
			var err error
			if parts[i], err = p.pack(g); err != nil {
				return fmt.Errorf("packing %s: %w", g.Name, err)
			}
			return nil
		})
	}
	if err := packing.Wait(); err != nil {
		return err
	}
	index := Index{Format: format(), Tools: map[string]Tool{}}
	for _, part := range parts {
		maps.Copy(index.Tools, part)
	}
	if err := errors.Join(clean(dir, index), writeIndex(dir, old, index)); err != nil {
		return fmt.Errorf("packing the tools: %w", err)
	}
	return nil
}

type packer struct {
	tree fs.FS
	dir  string
	old  Index
	say  func(line string)
}

// pack makes the pack of a group, unless it is there.
func (p packer) pack(g Group) (map[string]Tool, error) {
	made, current := map[string]Tool{}, true
	file := g.Name + ".tar.zst"
	for _, name := range g.Tools {
		_, text, err := p.program(name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		t := p.old.Tools[name]
		content := hex.EncodeToString(sum[:])
		current = current && t.Content == content && t.Pack == file
		t.Pack, t.Content = file, content
		made[name] = t
	}
	if _, err := os.Stat(filepath.Join(p.dir, file)); err == nil && current {
		return made, nil
	}
	p.say("tools: packing " + g.Name)
	packed, err := p.compressed(g)
	if err != nil {
		return nil, err
	}
	for name, t := range made {
		sum, size := sha256.New(), count(0)
		_, tool, _ := strings.Cut(name, "/")
		if err := WriteArchive(io.MultiWriter(sum, &size), bytes.NewReader(packed), tool); err != nil {
			return nil, err
		}
		t.Archive, t.Size = hex.EncodeToString(sum.Sum(nil)), int64(size)
		made[name] = t
	}
	return made, place(filepath.Join(p.dir, file), packed)
}

// program is the one file that a tool is, by its path in its platform's folder.
func (p packer) program(tool string) (name string, text []byte, err error) {
	var files []string
	err = fs.WalkDir(p.tree, tool, func(file string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, file)
		}
		return err
	})
	if err != nil {
		return "", nil, err
	}
	if len(files) != 1 {
		return "", nil, fmt.Errorf("%s has the files %q, and a tool is one program", tool, files)
	}
	_, name, _ = strings.Cut(files[0], "/")
	text, err = fs.ReadFile(p.tree, files[0])
	return name, text, err
}

// compressed is a group's pack, the same for the same tools.
func (p packer) compressed(g Group) ([]byte, error) {
	var packed bytes.Buffer
	compressed, err := zstd.NewWriter(&packed, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(window), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	out := tar.NewWriter(compressed)
	for _, name := range g.Tools {
		if err := p.add(out, name); err != nil {
			return nil, errors.Join(err, compressed.Close())
		}
	}
	err = errors.Join(out.Close(), compressed.Close())
	return packed.Bytes(), err
}

// add adds a tool to a pack.
func (p packer) add(out *tar.Writer, tool string) error {
	name, text, err := p.program(tool)
	if err != nil {
		return err
	}
	return writeFile(out, name, int64(len(text)), bytes.NewReader(text))
}

// count counts what is written.
type count int64

func (c *count) Write(p []byte) (int, error) {
	*c += count(len(p))
	return len(p), nil
}

// place writes a file, whole or not at all.
func place(file string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// writeIndex leaves an equal index alone, with its time.
func writeIndex(dir string, old, index Index) error {
	if old.Format == index.Format && maps.Equal(old.Tools, index.Tools) {
		return nil
	}
	text, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return err
	}
	return place(filepath.Join(dir, IndexFile), append(text, '\n'))
}

// clean deletes the packs that are in no index: they would be shipped for nothing. What
// stands beside the platforms' folders stays.
func clean(dir string, index Index) error {
	packs := map[string]bool{}
	for _, t := range index.Tools {
		packs[t.Pack] = true
	}
	found, err := fs.Glob(os.DirFS(dir), "*/*")
	if err != nil {
		return err
	}
	for _, file := range found {
		if packs[file] {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, file)); err != nil {
			return err
		}
	}
	return nil
}
