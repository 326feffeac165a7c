package toolstree

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dlvgen/dlvgen/internal/layout"
)

// Digest is the SHA-256 over the names, sizes and contents of the files in a tree's
// folders, as 64 hex digits. The files beside the folders do not count.
func Digest(tree fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(p, "/") {
			return err
		}
		data, err := fs.ReadFile(tree, p)
		if err != nil {
			return err
		}
		// A hash writes without errors.
		_, _ = fmt.Fprintf(sum, "%d:%s %d\n", len(p), p, len(data))
		_, _ = sum.Write(data)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("reading the tools: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func writeDigest(dir string) error {
	digest, err := Digest(os.DirFS(dir))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, layout.ToolsDigest), []byte(digest), 0o644); err != nil {
		return fmt.Errorf("making the tools: %w", err)
	}
	return nil
}
