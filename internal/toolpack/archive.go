// Package toolpack keeps dlvgen's tools small. The program carries them in packs, in which
// versions of one tool share what they have in common, and a builder is sent an archive of
// each tool that its build needs.
package toolpack

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// IndexFile is the file of the folder of packs that has the index.
const IndexFile = "index.json"

// Index describes the tools of a folder of packs.
type Index struct {
	// Format is how packs and archives are made. Those of another are made anew.
	Format string `json:"format"`

	// Tools has each tool by its path in the tree of tools: "linux_amd64/delve/1.27.2".
	Tools map[string]Tool `json:"tools"`
}

// Tool is one tool of a platform.
type Tool struct {
	// Pack is the file that has it, relative to the index.
	Pack string `json:"pack"`

	// Content is the SHA-256 of its program, as hex digits.
	Content string `json:"content"`

	// Archive is the SHA-256 of its archive, and Size the archive's.
	Archive string `json:"archive"`
	Size    int64  `json:"size"`
}

// ReadIndex reads the index of a folder of packs. The error is fs.ErrNotExist where there
// is none.
func ReadIndex(packs fs.FS) (Index, error) {
	var index Index
	text, err := fs.ReadFile(packs, IndexFile)
	if err != nil {
		return index, err
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return index, fmt.Errorf("reading the index of the packed tools: %w", err)
	}
	return index, nil
}

// WriteArchive writes the archive of a tool that a pack has: a gzipped tar file with the
// tool at its path, "delve/1.27.2/dlv". Gzip, because a builder of BuildKit 0.8 unpacks no
// zstd. Modes, owners and times are always the same, so that equal tools make equal layers.
// tool is the tool's path in its platform's folder, "delve/1.27.2".
func WriteArchive(w io.Writer, pack io.Reader, tool string) error {
	unpacked, err := zstd.NewReader(pack, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("unpacking %s: %w", tool, err)
	}
	defer unpacked.Close()
	// gzip writes some 200 bytes at a time, and a session would send a message for each.
	chunks := bufio.NewWriterSize(w, 32<<10)
	compressed := gzip.NewWriter(chunks)
	out := tar.NewWriter(compressed)
	if err := copyTool(out, tar.NewReader(unpacked), tool); err != nil {
		return fmt.Errorf("unpacking %s: %w", tool, err)
	}
	if err := errors.Join(out.Close(), compressed.Close(), chunks.Flush()); err != nil {
		return fmt.Errorf("writing the archive of %s: %w", tool, err)
	}
	return nil
}

// copyTool looks for the tool in the pack, which has each tool as one file.
func copyTool(out *tar.Writer, pack *tar.Reader, tool string) error {
	for {
		h, err := pack.Next()
		if errors.Is(err, io.EOF) {
			return fs.ErrNotExist
		}
		if err != nil {
			return err
		}
		if h.Name != tool && !strings.HasPrefix(h.Name, tool+"/") {
			continue
		}
		if err := writeFolders(out, path.Dir(h.Name)); err != nil {
			return err
		}
		return writeFile(out, h.Name, h.Size, pack)
	}
}

// writeFolders adds a folder and those that it is in.
func writeFolders(out *tar.Writer, folder string) error {
	if folder == "." {
		return nil
	}
	if err := writeFolders(out, path.Dir(folder)); err != nil {
		return err
	}
	return out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR})
}

func writeFile(out *tar.Writer, name string, size int64, text io.Reader) error {
	if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: size, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}); err != nil {
		return err
	}
	_, err := io.Copy(out, text)
	return err
}
