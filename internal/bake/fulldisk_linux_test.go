package bake

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/registry"
)

// fullDisk is a folder in which nothing of some size can be written.
func fullDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16k"); err != nil {
		proctest.Missing(t, "a small file system cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestAFullDiskKeepsNoPartOfAnOutput(t *testing.T) {
	file := filepath.Join(fullDisk(t), "image.tar")
	w, err := createFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(make([]byte, 64<<10))
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want that the disk is full", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("a part of the file is there: %v", err)
	}
}

func TestAFullFolderForTemporaryFilesIsNamed(t *testing.T) {
	dir := fullDisk(t)
	t.Setenv("TMPDIR", dir)
	_, err := registry.NewArchive(zeros{})
	var file *os.PathError
	if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &file) || filepath.Dir(filepath.Dir(file.Path)) != dir {
		t.Errorf("got %v, want that %s is full", err, dir)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// zeros is an archive that does not end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
