package symbols

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// OtherFileError says that a folder has another file where one was to be written.
type OtherFileError struct{ Path string }

func (e *OtherFileError) Error() string {
	return fmt.Sprintf("%s is there, and is not what `dlvgen symbols` writes there: choose another folder with -o, or delete it", e.Path)
}

// Store adds the build to the symbols in a folder, which is made if it is not there: its
// sources, then its debug information, then what it is about. Each is whole or not there at
// any time, and what is there stays as it is. Another file there is an [*OtherFileError].
func (b *Build) Store(dir string) error {
	root, err := makeRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for _, store := range []func(*os.Root) error{b.storeSources, b.storeDebug, b.storeAbout} {
		if err := store(root); err != nil {
			return b.explain(dir, err)
		}
	}
	return nil
}

// StoreArchive adds the build's archive to a folder, as [Build.Store] does.
func (b *Build) StoreArchive(dir string) error {
	root, err := makeRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return b.explain(dir, put(root, b.ArchiveName(), b.Archive, b.isArchive))
}

func makeRoot(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder of the symbols: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the folder of the symbols: %w", err)
	}
	return root, nil
}

// explain names what is there by its path as the user has it.
func (b *Build) explain(dir string, err error) error {
	var other *OtherFileError
	switch {
	case errors.As(err, &other):
		return &OtherFileError{Path: filepath.Join(dir, filepath.FromSlash(other.Path))}
	case err != nil:
		return fmt.Errorf("writing the symbols of %s to %s: %w", b.Key(), dir, err)
	}
	return nil
}

// put writes a file beside its name, and then renames it. Where the name is taken, same says
// whether that file will do.
func put(root *os.Root, name string, write func(io.Writer) error, same func(io.Reader) (bool, error)) (err error) {
	there, err := root.Open(filepath.FromSlash(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		defer func() { err = errors.Join(err, there.Close()) }()
		info, err := there.Stat()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return &OtherFileError{Path: name}
		}
		if is, err := same(there); err != nil || is {
			return err
		}
		return &OtherFileError{Path: name}
	}
	if err := root.MkdirAll(filepath.FromSlash(path.Dir(name)), 0o755); err != nil {
		return err
	}
	scratch := filepath.FromSlash(temporary(name))
	defer func() {
		if err != nil {
			_ = root.Remove(scratch)
		}
	}()
	f, err := root.OpenFile(scratch, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return err
	}
	return root.Rename(scratch, filepath.FromSlash(name))
}

// temporary is a name beside another that nothing takes for symbols.
func temporary(name string) string {
	return path.Join(path.Dir(name), ".dlvgen-"+rand.Text())
}

func (b *Build) storeDebug(root *os.Root) (err error) {
	f, err := os.Open(filepath.Join(b.dir, debugFile))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	write := func(w io.Writer) error { _, err := io.Copy(w, f); return err }
	return put(root, b.DebugName(), write, func(there io.Reader) (bool, error) { return equal(there, f) })
}

// storeAbout replaces what another version of dlvgen wrote of the same build.
func (b *Build) storeAbout(root *os.Root) error {
	text, err := b.encode()
	if err != nil {
		return err
	}
	write := func(w io.Writer) error { _, err := w.Write(text); return err }
	return put(root, b.AboutName(), write, func(there io.Reader) (bool, error) {
		var about About
		old, err := io.ReadAll(io.LimitReader(there, maxAbout))
		return err == nil && json.Unmarshal(old, &about) == nil && about.Key() == b.Key(), err
	})
}

// storeSources writes all sources, or none.
func (b *Build) storeSources(root *os.Root) (err error) {
	if len(b.Sources) == 0 {
		return nil
	}
	to := filepath.FromSlash(b.SourcesName())
	if _, err := root.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return err
		}
		return b.sameSources(root)
	}
	scratch := temporary(b.SourcesName())
	defer func() {
		if err != nil {
			err = errors.Join(err, root.RemoveAll(filepath.FromSlash(scratch)))
		}
	}()
	for _, name := range b.Sources {
		if err := b.copySource(root, name, path.Join(scratch, name)); err != nil {
			return err
		}
	}
	if err := root.Rename(filepath.FromSlash(scratch), to); err != nil {
		if _, there := root.Stat(to); there != nil {
			return err
		}
		// Another call was first.
		return errors.Join(b.sameSources(root), root.RemoveAll(filepath.FromSlash(scratch)))
	}
	return nil
}

func (b *Build) source(name string) string {
	return filepath.Join(b.dir, sourcesDir, filepath.FromSlash(name))
}

func (b *Build) copySource(root *os.Root, name, to string) (err error) {
	to = filepath.FromSlash(to)
	f, err := os.Open(b.source(name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := root.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	copied, err := root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(copied, f)
	if err := errors.Join(err, copied.Close()); err != nil {
		return err
	}
	return root.Chtimes(to, time.Time{}, info.ModTime())
}

// sameSources wants the sources that are there to be the build's.
func (b *Build) sameSources(root *os.Root) error {
	for _, name := range b.Sources {
		at := path.Join(b.SourcesName(), name)
		is, err := b.sameSource(root, name, at)
		if err != nil {
			return err
		}
		if !is {
			return &OtherFileError{Path: at}
		}
	}
	return nil
}

func (b *Build) sameSource(root *os.Root, name, at string) (is bool, err error) {
	there, err := root.Open(filepath.FromSlash(at))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, there.Close()) }()
	ours, err := os.Open(b.source(name))
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, ours.Close()) }()
	return equal(there, ours)
}

// isArchive says whether an archive has what the build has, however it is compressed.
func (b *Build) isArchive(there io.Reader) (bool, error) {
	want, size, err := b.Content()
	if err != nil {
		return false, err
	}
	z, err := gzip.NewReader(there)
	if err != nil {
		return false, nil //nolint:nilerr // it is another file
	}
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(z, size+1))
	return err == nil && n == size && hex.EncodeToString(sum.Sum(nil)) == want, nil
}

// equal compares two files.
func equal(a, b io.Reader) (bool, error) {
	const size = 1 << 16
	left, right := make([]byte, size), make([]byte, size)
	for {
		n, errA := io.ReadFull(a, left)
		m, errB := io.ReadFull(b, right)
		if n != m || !bytes.Equal(left[:n], right[:m]) {
			return false, nil
		}
		ended := func(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
		switch {
		case ended(errA) && ended(errB):
			return true, nil
		case errA != nil && !ended(errA):
			return false, errA
		case errB != nil && !ended(errB):
			return false, errB
		}
	}
}
