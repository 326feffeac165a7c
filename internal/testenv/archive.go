package testenv

import (
	"archive/tar"
	"errors"
	"io"
	"iter"
)

// Entry is a file, folder or link of a tar stream.
type Entry struct {
	*tar.Header

	// Content is that of a file.
	Content []byte
}

// Entries are those of a tar stream: a layer, or all files of an image. The stream is
// closed at the end. An error is the last that comes.
func Entries(archive io.ReadCloser) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		defer func() { _ = archive.Close() }()
		for r := tar.NewReader(archive); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			e := Entry{Header: h}
			if err == nil {
				e.Content, err = io.ReadAll(r)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
