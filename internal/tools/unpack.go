package tools

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/dlvgen/dlvgen/internal/layout"
)

// Sum is the SHA-256 of a tool's file as hex digits, false where the set has no such tool.
// tool is its path in the tree of tools: "linux_amd64/delve/1.27.2".
func (s *Set) Sum(tool string) (sum string, ok bool, err error) {
	hash := sha256.New()
	ok, err = s.Unpack(hash, tool)
	return hex.EncodeToString(hash.Sum(nil)), ok, err
}

// Unpack writes a tool's file, false where the set has no such tool.
func (s *Set) Unpack(w io.Writer, tool string) (ok bool, err error) {
	mounted, ok := s.Mounts[s.Names[tool]]
	if !ok {
		return false, nil
	}
	archive, err := mounted.Open(layout.ToolArchive)
	if err != nil {
		return false, err
	}
	defer archive.Close()
	if err := unpack(w, archive); err != nil {
		return false, fmt.Errorf("unpacking %s: %w", tool, err)
	}
	return true, nil
}

// unpack writes the file of an archive, which has one.
func unpack(w io.Writer, archive io.Reader) error {
	unpacked, err := gzip.NewReader(archive)
	if err != nil {
		return err
	}
	for files := tar.NewReader(unpacked); ; {
		header, err := files.Next()
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		_, err = io.Copy(w, files) //nolint:gosec // dlvgen's own archive
		return err
	}
}
