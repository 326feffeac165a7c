package derive

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive/rootfs"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/frontend/gateway/client"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// sharedFolders adds the folders that both the captured sources and production
// have, so that the layer of sources leaves their mode, owner and time as they are.
func sharedFolders(ctx context.Context, root rootfs.FS, sources []captured, shared []variants.Folder) ([]variants.Folder, error) {
	for _, s := range sources {
		folders, err := sharedBelow(ctx, root, s, "/")
		if err != nil {
			return nil, err
		}
		for _, f := range folders {
			if !slices.Contains(shared, f) {
				shared = append(shared, f)
			}
		}
	}
	return shared, nil
}

// foldersAbove lists the folders that lead to a file, the root's own left out.
func foldersAbove(ctx context.Context, root rootfs.FS, file string) ([]variants.Folder, error) {
	var above []variants.Folder
	for dir := path.Dir(file); dir != "/"; dir = path.Dir(dir) {
		st, err := root.Stat(ctx, dir)
		if err != nil {
			return nil, fmt.Errorf("looking at the folder %s: %w", dir, err)
		}
		if st == nil {
			continue // it is none of production's
		}
		above = append([]variants.Folder{folderOf(dir, st)}, above...)
	}
	return above, nil
}

func folderOf(dir string, st *fstypes.Stat) variants.Folder {
	return variants.Folder{Path: dir, Mode: unixMode(st.Mode), UID: int(st.Uid), GID: int(st.Gid), Modified: st.ModTime}
}

// sharedBelow looks at the folders of the sources below dir, and goes on only in
// those that production has too.
func sharedBelow(ctx context.Context, root rootfs.FS, sources captured, dir string) ([]variants.Folder, error) {
	entries, err := sources.ref.ReadDir(ctx, client.ReadDirRequest{Path: path.Join(sources.folder, dir)})
	if rootfs.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the captured sources: %w", err)
	}
	var shared []variants.Folder
	for _, e := range entries {
		if !fs.FileMode(e.Mode).IsDir() {
			continue
		}
		p := path.Join(dir, path.Base(e.Path))
		there, err := root.Entry(ctx, dir, path.Base(p))
		if err != nil {
			return nil, err
		}
		if there == nil {
			continue
		}
		if mode := fs.FileMode(there.Mode); !mode.IsDir() {
			return nil, fmt.Errorf("the sources were compiled below %s, which is a %s in the image: they cannot be added there, derive a variant without sources",
				p, kindOf(mode))
		}
		below, err := sharedBelow(ctx, root, sources, p)
		if err != nil {
			return nil, err
		}
		shared = append(shared, folderOf(p, there))
		shared = append(shared, below...)
	}
	return shared, nil
}

func kindOf(mode fs.FileMode) string {
	if mode&fs.ModeSymlink != 0 {
		return "symbolic link"
	}
	return strings.TrimSpace("file " + mode.Type().String())
}

// unixMode is a mode's twelve bits as chmod(2) has them.
func unixMode(mode uint32) uint32 {
	m := fs.FileMode(mode)
	unix := uint32(m.Perm())
	for bit, set := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if m&set != 0 {
			unix |= bit
		}
	}
	return unix
}
