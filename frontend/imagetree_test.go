package frontend_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/testenv"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// imageFile is a file of an image.
type imageFile struct {
	tar.Header
	data []byte
}

// owner is mode and owner as "0750 1000:1001".
func (f imageFile) owner() string { return fmt.Sprintf("%04o %d:%d", f.Mode&0o7777, f.Uid, f.Gid) }

// treeOf reads the files of a pushed image, by absolute path.
func treeOf(ctx context.Context, t *testing.T, reg *testenv.Registry, image string) map[string]imageFile {
	t.Helper()
	img, err := reg.Image(ctx, image)
	if err != nil {
		t.Fatal(err)
	}
	return treeIn(t, img)
}

// treeIn are the files of an image by their paths.
func treeIn(t *testing.T, img v1.Image) map[string]imageFile {
	t.Helper()
	files := map[string]imageFile{}
	for e, err := range testenv.Entries(mutate.Extract(img)) {
		if err != nil {
			t.Fatal(err)
		}
		files["/"+strings.Trim(e.Name, "/")] = imageFile{Header: *e.Header, data: e.Content}
	}
	return files
}

func factsOf(t *testing.T, file string) *gobin.Facts {
	t.Helper()
	facts, err := gobin.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

func readFacts(t *testing.T, program []byte) *gobin.Facts {
	t.Helper()
	facts, err := gobin.Read(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	return facts
}
