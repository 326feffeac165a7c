package symbols

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// aboutFile is the first file of an archive, with the About as JSON.
const aboutFile = aboutDir + "/symbols.json"

// maxAbout is more than an About has.
const maxAbout = 1 << 20

// here begins the names in an archive, as those that tar makes of a folder: debuginfod takes
// "./src/main.go" for /src/main.go (canonicalized_archive_entry_pathname in debuginfod.cxx).
const here = "./"

// ArchiveName is the name of the build's archive.
func (a About) ArchiveName() string { return a.Key() + ".tar.gz" }

// Tar writes the build as a tar file: the debug information at its [About.DebugName], and the
// sources at the paths that the debug information has for them. The same build gives the same
// bytes.
func (b *Build) Tar(w io.Writer) error {
	about, err := b.encode()
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	if err := t.WriteHeader(header(aboutFile, int64(len(about)), time.Unix(0, 0))); err != nil {
		return err
	}
	if _, err := t.Write(about); err != nil {
		return err
	}
	if err := addFile(t, b.DebugName(), filepath.Join(b.dir, debugFile)); err != nil {
		return err
	}
	for _, name := range b.Sources {
		if err := addFile(t, name, b.source(name)); err != nil {
			return err
		}
	}
	return t.Close()
}

// Archive writes what [Build.Tar] writes, compressed.
func (b *Build) Archive(w io.Writer) error {
	z := gzip.NewWriter(w)
	if err := b.Tar(z); err != nil {
		return err
	}
	return z.Close()
}

// Content is the SHA-256, in hex digits, and the size of what [Build.Tar] writes.
func (b *Build) Content() (sum string, size int64, err error) {
	hash := sha256.New()
	counted := &counter{w: hash}
	if err := b.Tar(counted); err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(hash.Sum(nil)), counted.n, nil
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func header(name string, size int64, modified time.Time) *tar.Header {
	return &tar.Header{Name: here + name, Mode: 0o644, Size: size, ModTime: modified.UTC().Truncate(time.Second)}
}

func addFile(t *tar.Writer, name, file string) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := t.WriteHeader(header(name, info.Size(), info.ModTime())); err != nil {
		return err
	}
	_, err = io.Copy(t, f)
	return err
}

// FromArchive reads what [Build.Archive] writes into a folder, as [FromImage] does.
func FromArchive(r io.Reader, dir string) (*Build, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	files := tar.NewReader(z)
	first, err := files.Next()
	if err != nil {
		return nil, err
	}
	if first.Name != here+aboutFile || first.Size > maxAbout {
		return nil, fmt.Errorf("it does not begin with %s", aboutFile)
	}
	var about About
	if err := json.NewDecoder(files).Decode(&about); err != nil {
		return nil, fmt.Errorf("reading %s: %w", aboutFile, err)
	}
	if err := about.check(); err != nil {
		return nil, err
	}
	w, err := newWriter(dir, about)
	if err != nil {
		return nil, err
	}
	defer w.close()
	if err := w.unpack(files); err != nil {
		return nil, err
	}
	if w.build.Size == 0 {
		return nil, errors.New("it has no debug information")
	}
	// What the archive is read from may tell at its end only that it is damaged.
	if n, err := io.Copy(io.Discard, io.LimitReader(z, maxAbout)); err != nil || n == maxAbout {
		return nil, cmp.Or(err, errTooMuch)
	}
	b, err := w.done()
	if err != nil {
		return nil, err
	}
	b.Roots = about.Roots // no file says them
	return b, nil
}

func (w *writer) unpack(files *tar.Reader) error {
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name, ok := strings.CutPrefix(h.Name, here)
		if !ok || h.Typeflag != tar.TypeReg {
			return fmt.Errorf("it has %.200q, which no archive of symbols has", h.Name)
		}
		if name == w.build.DebugName() {
			err = w.debug(files, h.ModTime)
		} else {
			err = w.source(name, "", h.ModTime, files)
		}
		if err != nil {
			return err
		}
	}
}

// encode is the About as it is written.
func (a About) encode() ([]byte, error) {
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(text, '\n'), nil
}
