package imagecheck

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Images are pushed by anybody. These are more than any has that is meant well.
const (
	maxFile    = 2 << 30   // of a program
	maxKept    = 4 << 30   // of all files that are kept at a time
	maxBytes   = 128 << 30 // of the layers, inflated
	maxEntries = 2_000_000 // of files
	maxText    = 512 << 20 // of names, targets of links and attributes
	maxPath    = 4096      // PATH_MAX
)

var (
	errTooMany  = errors.New("it has more files than any image")
	errTooLarge = errors.New("it is larger than any image")
	errTooLong  = errors.New("it has a longer path than any image")
)

// file is a path in a layer.
type file struct {
	path     string // absolute
	kind     byte   // as in package tar
	mode     int64  // twelve bits
	uid, gid int
	link     string
	device   [2]int64
	xattrs   string
	modified int64 // nanoseconds since 1970

	// What follows is known of regular files.
	sum      [sha256.Size]byte
	contents seen
	program  *program // a program in Go
	kept     string   // a copy of it
}

// what is everything but content and time.
func (f *file) what() string {
	kind := map[byte]string{tar.TypeReg: "file", tar.TypeDir: "folder", tar.TypeSymlink: "link", tar.TypeChar: "device", tar.TypeBlock: "device", tar.TypeFifo: "pipe"}[f.kind]
	text := fmt.Sprintf("a %s with mode %04o of %d:%d", kind, f.mode, f.uid, f.gid)
	if f.kind == tar.TypeSymlink {
		text = fmt.Sprintf("a link to %q of %d:%d", f.link, f.uid, f.gid) // its mode means nothing
	}
	if f.kind == tar.TypeChar || f.kind == tar.TypeBlock {
		text += fmt.Sprintf(" %c%d", f.kind, f.device)
	}
	if f.xattrs != "" {
		text += " with attributes " + strings.TrimSpace(f.xattrs)
	}
	return text
}

// layer is what one layer does to those below it.
type layer struct {
	files []*file

	// hidden are the paths that it takes away from those below, emptied the folders whose
	// content it does.
	hidden, emptied []string

	ours bool // dlvgen added it
}

// reader reads layers of images that may be anybody's.
type reader struct {
	dir      string          // for what is kept
	kept     map[string]bool // paths
	programs bool            // look at all programs

	entries, text, bytes, keptBytes, copies int64
}

// read reads a layer once. A hard link to what is to be kept takes a second time.
func (r *reader) read(l v1.Layer, diffID v1.Hash) (*layer, error) {
	read, err := r.readOnce(l, diffID, r.kept)
	if err != nil {
		return nil, err
	}
	linked := map[string]bool{}
	for _, f := range read.files {
		if f.kind == tar.TypeLink && r.kept[f.path] && !r.kept[f.link] {
			linked[f.link] = true
		}
	}
	if len(linked) == 0 {
		return read, nil
	}
	maps.Copy(linked, r.kept)
	return r.readOnce(l, diffID, linked)
}

func (r *reader) readOnce(l v1.Layer, diffID v1.Hash, kept map[string]bool) (_ *layer, err error) {
	rc, err := l.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rc.Close()) }()
	sum := sha256.New()
	limited := &io.LimitedReader{R: rc, N: maxBytes - r.bytes}
	whole := io.TeeReader(limited, sum)
	read, err := r.readFiles(tar.NewReader(whole), kept)
	if err == nil {
		_, err = io.Copy(io.Discard, whole)
	}
	r.bytes = maxBytes - limited.N
	switch {
	case limited.N <= 0:
		return nil, errTooLarge
	case err != nil:
		return nil, err
	case diffID.Hex != hex.EncodeToString(sum.Sum(nil)):
		return nil, fmt.Errorf("its content is not that of the config's %s", diffID)
	}
	return read, nil
}

const whiteout, opaque = ".wh.", ".wh..wh..opq"

func (r *reader) readFiles(files *tar.Reader, kept map[string]bool) (*layer, error) {
	l := &layer{}
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return l, nil
		}
		if err != nil {
			return nil, err
		}
		f, err := r.fileOf(header)
		if err != nil {
			return nil, err
		}
		folder, base := path.Split(f.path)
		switch {
		case base == opaque:
			l.emptied = append(l.emptied, path.Clean(folder))
			continue
		case strings.HasPrefix(base, whiteout):
			l.hidden = append(l.hidden, path.Join(folder, strings.TrimPrefix(base, whiteout)))
			continue
		case f.kind == tar.TypeReg:
			err = r.look(f, files, kept[f.path])
		}
		if err != nil {
			return nil, err
		}
		l.files = append(l.files, f)
	}
}

// xattrPrefix is that of extended attributes in a tar file.
const xattrPrefix = "SCHILY.xattr."

func (r *reader) fileOf(h *tar.Header) (*file, error) {
	f := &file{
		path: path.Join("/", h.Name), kind: h.Typeflag, mode: h.Mode & 0o7777, uid: h.Uid, gid: h.Gid,
		link: h.Linkname, device: [2]int64{h.Devmajor, h.Devminor}, modified: h.ModTime.UnixNano(),
	}
	switch h.Typeflag {
	case tar.TypeLink:
		f.link = path.Join("/", h.Linkname)
	case tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
	case tar.TypeGNUSparse:
		f.kind = tar.TypeReg
	default:
		return nil, fmt.Errorf("%s is of the type %q, which no image has", f.path, h.Typeflag)
	}
	for _, key := range slices.Sorted(maps.Keys(h.PAXRecords)) {
		if name, ok := strings.CutPrefix(key, xattrPrefix); ok {
			f.xattrs += fmt.Sprintf("%s=%x ", name, h.PAXRecords[key])
		}
	}
	r.text += int64(len(f.path) + len(f.link) + len(f.xattrs))
	if r.entries++; r.entries > maxEntries || r.text > maxText {
		return nil, errTooMany
	}
	if len(f.path) > maxPath {
		return nil, errTooLong
	}
	return f, nil
}

// sharedLayers are how many layers two images have in common, from the lowest on.
func sharedLayers(a, b []v1.Layer) (int, error) {
	for i := range min(len(a), len(b)) {
		x, err := a[i].Digest()
		if err != nil {
			return 0, err
		}
		y, err := b[i].Digest()
		if err != nil {
			return 0, err
		}
		if x != y {
			return i, nil
		}
	}
	return min(len(a), len(b)), nil
}

// addedLayers says by the history which layers dlvgen added, in the order of the layers.
func addedLayers(config *v1.ConfigFile, layers int) []bool {
	if ours := registry.AddedLayers(config, layers); ours != nil {
		return ours
	}
	return slices.Repeat([]bool{true}, layers) // nothing is known of them, so all of them are to be clean
}
