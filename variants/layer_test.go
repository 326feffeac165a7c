package variants_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
)

// The items say what lies where, of what, by which mode and whose, whoever puts it there.
func TestLayersSayWhatLiesWhere(t *testing.T) {
	const kept = variants.Kept
	ours := func(p string) variants.Item { return variants.Item{Path: p, Mode: 0o755} }
	init := variants.Item{Path: layout.Init, From: variants.FromTools, Name: layout.ToolInit, Mode: 0o755, Capabilities: "0102"}
	launcher := init
	launcher.Path, launcher.Mode, launcher.UID, launcher.GID = "/opt/app/server", 0o4750, 5, 6
	again := variants.Item{Path: "/opt/app/server", From: variants.FromRebuilt, Mode: 0o4750, UID: 5, GID: 6, Capabilities: "0102"}
	beside := again
	beside.Path = "/opt/app/.server.dlvgen"
	delve := []variants.Item{{Path: "/dlv", From: variants.FromTools, Name: "delve/1.27.2/dlv", Mode: 0o755}}
	moved := variants.Item{Path: "/opt/app/.server.dlvgen", From: variants.FromProduction, Name: "/opt/app/server", Mode: kept, UID: kept, GID: kept}
	link := variants.Item{Path: "/.dlvgen/program/server", Target: "/opt/app/.server.dlvgen"}
	sources := []variants.Item{{Path: "/", From: variants.FromCaptures, Mode: kept}}
	rebuilt := &variants.Rebuilt{From: variants.RebuildContext}
	for _, test := range []struct {
		name, variant string
		edit          func(*variants.Input)
		want          [][]variants.Item // but for the plan's layer, the last
	}{
		{"remote", "remote", func(*variants.Input) {}, [][]variants.Item{delve, {ours(layout.Dir), init}}},
		{"attach", "attach", func(*variants.Input) {}, [][]variants.Item{delve, sources}},
		{"sidecar", "sidecar", func(in *variants.Input) { in.Program.Capabilities = "" }, [][]variants.Item{
			delve,
			{ours(layout.Dir), {Path: layout.Init, From: variants.FromTools, Name: layout.ToolInit, Mode: 0o755}},
			{ours(layout.Dir), ours(layout.Symbols), {Path: "/.dlvgen/symbols/server", From: variants.FromSymbols, Mode: 0o444}},
			sources,
		}},
		{"a launcher", "remote", func(in *variants.Input) { in.Command.Detour = "a script" }, [][]variants.Item{
			delve, {ours(layout.Dir), init}, {moved, launcher, ours(layout.Dir), ours(layout.Program), link},
		}},
		{"a launcher without a link", "remote", func(in *variants.Input) { in.Command.Detour, in.NoLinks = "a script", true }, [][]variants.Item{
			delve, {ours(layout.Dir), init}, {moved, launcher},
		}},
		{"compiled again", "remote", func(in *variants.Input) { in.Program.Rebuilt = rebuilt }, [][]variants.Item{
			delve, {ours(layout.Dir), init}, {again},
		}},
		{"compiled again, with a launcher", "remote", func(in *variants.Input) {
			in.Program.Rebuilt, in.Command.Detour, in.NoLinks = rebuilt, "a script", true
		}, [][]variants.Item{delve, {ours(layout.Dir), init}, {beside, launcher}}},
	} {
		in := input(t, test.variant)
		in.Program.Mode, in.Program.UID, in.Program.GID, in.Program.Capabilities = 0o4750, 5, 6, "0102"
		in.Folders = []variants.Folder{{Path: "/opt/app", Mode: 0o755}}
		test.edit(&in)
		p := plan(t, in)
		var got [][]variants.Item
		for _, l := range p.Layers {
			got = append(got, l.Items)
			// Layers that put something beside production's own leave its folders as they are.
			beside := slices.ContainsFunc(l.Items, func(i variants.Item) bool { return i.Path == "/" || strings.HasPrefix(i.Path, "/opt/") })
			if (len(l.Folders) > 0) != beside {
				t.Errorf("%s: %s keeps the folders %v", test.name, l.Title, l.Folders)
			}
		}
		last := len(got) - 1
		if diff := cmp.Diff(test.want, got[:last]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		want := []variants.Item{
			ours(layout.Dir), ours(path.Dir(layout.DelveConfig)), ours(path.Dir(layout.TelemetryMode)),
			{Path: layout.DelveConfig, Mode: 0o444, Content: p.DelveConfig()},
			{Path: layout.TelemetryMode, Mode: 0o444, Content: []byte("off")},
			{Path: layout.Plan, Mode: 0o444, From: variants.FromPlan},
		}
		if diff := cmp.Diff(want, got[last]); diff != "" {
			t.Errorf("%s: the plan's layer (-want +got):\n%s", test.name, diff)
		}
	}
}

// TestEverybodyReachesWhatIsOurs has a layer make the folders of its files: else BuildKit makes them
// with the mode of the first file, by which nobody but root comes in.
func TestEverybodyReachesWhatIsOurs(t *testing.T) {
	for name, in := range goldens(t) {
		folders := []string{"/"}
		for _, layer := range plan(t, in).Layers {
			for _, item := range layer.Items {
				if isFolder := item.From == "" && item.Content == nil && item.Target == ""; isFolder {
					if item.Mode&0o111 != 0o111 {
						t.Errorf("%s: the folder %s has mode %o", name, item.Path, item.Mode)
					}
					folders = append(folders, item.Path)
				} else if strings.HasPrefix(item.Path, layout.Dir) && !slices.Contains(folders, path.Dir(item.Path)) {
					t.Errorf("%s: no layer makes the folder of %s", name, item.Path)
				}
			}
		}
	}
}
