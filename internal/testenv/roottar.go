package testenv

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// rootTar writes the tree below a folder as a layer.
type rootTar struct {
	dir string

	// prefix is where the tree stands in the image, "usr/local/go".
	prefix string

	// keep says whether a file is written; nil writes all. Folders whose keep is
	// false are not entered.
	keep func(rel string, info fs.FileInfo) bool

	// owned leaves the owners as they are on disk. Without it everything is root's.
	owned bool
}

// write writes the tree in lexical order.
func (r rootTar) write(w io.Writer) error {
	out := tar.NewWriter(w)
	links := map[inode]string{}
	err := filepath.WalkDir(r.dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(r.dir, file)
		if err != nil || rel == "." {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if r.keep != nil && !r.keep(rel, info) {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if info.Mode()&(fs.ModeSocket|fs.ModeDevice|fs.ModeNamedPipe) != 0 {
			return nil // /dev is the runtime's
		}
		return r.add(out, file, path.Join(r.prefix, rel), info, links)
	})
	if err != nil {
		return fmt.Errorf("packing %s: %w", r.dir, err)
	}
	return out.Close()
}

func (r rootTar) add(out *tar.Writer, file, name string, info fs.FileInfo, links map[inode]string) error {
	var target string
	if info.Mode()&fs.ModeSymlink != 0 {
		var err error
		if target, err = os.Readlink(file); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	header.Name = name
	if info.IsDir() {
		header.Name += "/"
	}
	header.Uname, header.Gname = "", ""
	header.AccessTime, header.ChangeTime = time.Time{}, time.Time{}
	if !r.owned {
		header.Uid, header.Gid = 0, 0
	}
	if id, ok := inodeOf(info); ok && info.Mode().IsRegular() {
		if first, ok := links[id]; ok {
			header.Typeflag, header.Linkname, header.Size = tar.TypeLink, first, 0
			return out.WriteHeader(header)
		}
		links[id] = name
	}
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(out, f)
	return err
}

// inode identifies a file that has more than one name.
type inode struct{ dev, ino uint64 }

// entry is one file, folder or symbolic link of a layer made in memory.
type entry struct {
	name string
	mode fs.FileMode
	text []byte
	link string
	uid  int
}

// writeEntries writes entries as a layer with the epoch as modification time.
func writeEntries(w io.Writer, entries []entry) error {
	out := tar.NewWriter(w)
	for _, e := range entries {
		header := &tar.Header{Name: e.name, Mode: int64(e.mode.Perm()), Size: int64(len(e.text)), Uid: e.uid, Gid: e.uid, Typeflag: tar.TypeReg, ModTime: time.Unix(0, 0)}
		switch {
		case e.link != "":
			header.Typeflag, header.Linkname = tar.TypeSymlink, e.link
		case e.mode.IsDir():
			header.Typeflag = tar.TypeDir
			header.Name += "/"
			if e.mode&fs.ModeSticky != 0 {
				header.Mode |= 0o1000
			}
		}
		if err := out.WriteHeader(header); err != nil {
			return fmt.Errorf("packing %s: %w", e.name, err)
		}
		if _, err := out.Write(e.text); err != nil {
			return fmt.Errorf("packing %s: %w", e.name, err)
		}
	}
	return out.Close()
}
