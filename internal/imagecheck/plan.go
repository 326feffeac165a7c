package imagecheck

import (
	"archive/tar"
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/variants"
)

// checkPlan wants all that the plan announces in the image, and in the layers that dlvgen
// added nothing else.
func (c *contents) checkPlan() Check {
	const name = "plan"
	announced := map[string]bool{}
	items := c.plan.Items()
	for _, i := range items {
		announced[i.Path] = true
		if why := c.checkItem(i); why != "" && !c.blamed[i.Path] {
			return failed(name, "%s", why)
		}
	}
	if got, want := described(c.plan.Layers), described(c.plan.Announced()); !slices.Equal(got, want) {
		return failed(name, "it says that the layers are %q, and the image of its variant has %q", got, want)
	}
	for _, f := range c.added() {
		// Another layer's files are compared with production's, but for those in dlvgen's place.
		if !f.ours && c.plan.Announces(f.path, f.kind == tar.TypeDir) != variants.AnnouncedAdded {
			continue
		}
		if !c.blamed[f.path] && !announced[f.path] && !c.announcedFolder(f.file, items) && !c.announcedSource(f.file) {
			return failed(name, "a layer that dlvgen added has %s, which the plan does not announce", f.path)
		}
	}
	for _, l := range c.read {
		if l == nil || !l.ours {
			continue
		}
		for _, p := range append(slices.Clone(l.hidden), l.emptied...) {
			if !c.blamed[p] {
				return failed(name, "a layer that dlvgen added removes %s", p)
			}
		}
	}
	return passed(name, "the image has what its plan announces")
}

func described(layers []variants.Layer) []string {
	var list []string
	for _, l := range layers {
		list = append(list, l.Files+": "+l.Description)
	}
	return list
}

func (c *contents) announcedSource(f *file) bool {
	return c.plan.Announces(f.path, f.kind == tar.TypeDir) == variants.AnnouncedSource && f.mayBe(variants.AnnouncedSource)
}

// announcedFolder tells whether a folder leads to something that the plan announces.
func (c *contents) announcedFolder(f *file, items []variants.Item) bool {
	if f.kind != tar.TypeDir {
		return false
	}
	above := strings.TrimSuffix(f.path, "/") + "/"
	return slices.ContainsFunc(c.plan.Folders, func(folder variants.Folder) bool {
		return folder.Path == f.path && int64(folder.Mode) == f.mode && folder.UID == f.uid && folder.GID == f.gid
	}) || slices.ContainsFunc(items, func(i variants.Item) bool { return strings.HasPrefix(i.Path, above) })
}

// checkItem says what is wrong with an item, empty for nothing. What the program and the
// debugger are is for other checks.
func (c *contents) checkItem(i variants.Item) string {
	f := c.tree.fileAt(i.Path)
	if f == nil {
		if i.Path == layout.Delve || i.Path == programOf(c.plan) {
			return ""
		}
		return "the image has no " + i.Path
	}
	want := &file{kind: tar.TypeDir, mode: int64(i.Mode), uid: i.UID, gid: i.GID}
	capabilities := i.Capabilities
	switch {
	case i.Target != "":
		want.kind, want.link = tar.TypeSymlink, i.Target
	case i.From != "" || i.Content != nil:
		want.kind = tar.TypeReg
	}
	if i.Mode == variants.Kept && i.Path == c.plan.Moved() {
		want.mode, want.uid, want.gid, capabilities = int64(c.plan.Program.Mode), c.plan.Program.UID, c.plan.Program.GID, c.plan.Program.Capabilities
	}
	if capabilities != "" {
		want.xattrs = "security.capability=" + capabilities + " "
	}
	if got, want := f.what(), want.what(); got != want {
		return fmt.Sprintf("%s is %s, and the plan announces %s", i.Path, got, want)
	}
	if i.Content != nil && f.sum != sha256.Sum256(i.Content) {
		return i.Path + " has another content than the plan announces"
	}
	if init := c.tree.fileAt(layout.Init); path.Base(i.Name) == layout.ToolInit && i.From == variants.FromTools && init != nil && f.sum != init.sum {
		return i.Path + " is another program than the launcher that the plan announces"
	}
	return ""
}
