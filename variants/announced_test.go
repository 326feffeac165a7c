package variants_test

import (
	"testing"

	"github.com/dlvgen/dlvgen/variants"
)

func TestAPlanAnnouncesHowPathsMayDiffer(t *testing.T) {
	key := "/ab/ab" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd-d"
	plan := &variants.Plan{
		Program: variants.Program{File: "/app/server"},
		Paths: []variants.PathRule{
			{Path: "/src", Kind: variants.PathModule, Module: "example.com/a"},
			{Path: "example.com/b", Source: "/other/b", Kind: variants.PathModule, Module: "example.com/b"},
			{Path: "/go/pkg/mod", Kind: variants.PathModCache},
			{Path: "/usr/local/go", Kind: variants.PathGOROOT},
		},
	}
	plan.Sources = []string{"/lib", "/go.work"}
	plan.Request.Variant = variants.Variant{Kind: variants.KindRemote, Sources: variants.SourcesBaked}
	plan.Request.Entry = variants.EntryInplace
	for path, want := range map[string]variants.Announcement{
		"/dlv": variants.AnnouncedAdded, "/.dlvgen": variants.AnnouncedAdded, "/.dlvgen/config/x": variants.AnnouncedAdded,
		"/app/.server.dlvgen": variants.AnnouncedAdded, "/app/server": variants.AnnouncedProgram,
		"/dlvx": variants.Unannounced, "/app": variants.Unannounced, "/app/other": variants.Unannounced, "/etc/passwd": variants.Unannounced,
		"/src/main.go": variants.AnnouncedSource, "/src/go.mod": variants.AnnouncedSource, "/other/b/x/y.s": variants.AnnouncedSource,
		"/lib/x/lib.go": variants.AnnouncedSource, "/go.work": variants.AnnouncedSource, "/lib/notes.txt": variants.Unannounced,
		"/src/config.json": variants.Unannounced, "/src2/main.go": variants.Unannounced, "/other/main.go": variants.Unannounced,
		"/go/pkg/mod/m@v1/a.go": variants.AnnouncedSource, "/go/pkg/mod/m@v1/a.txt": variants.AnnouncedModule,
		"/root/.cache/go-build/README": variants.AnnouncedCache, "/root/.cache/go-build" + key: variants.AnnouncedCache,
		"/root/.cache/go-build/run.sh": variants.Unannounced, "/root/.cache/go-build" + key + "/x": variants.Unannounced,
		"/root/.config/go/telemetry/local/go@go1.26.8-go1.26.8-linux-amd64-2026-01-02.v1.count": variants.AnnouncedCache,
		"/root/.config/go/telemetry/local/run.sh":                                               variants.Unannounced,
	} {
		if got := plan.Announces(path, false); got != want {
			t.Errorf("%s is announced as %q, want %q", path, got, want)
		}
	}
	for path, want := range map[string]variants.Announcement{
		"/src": variants.AnnouncedSource, "/other": variants.AnnouncedSource, "/src/internal": variants.AnnouncedSource, "/go": variants.AnnouncedSource,
		"/root/.cache/go-build": variants.AnnouncedCache, "/root/.cache/go-build/ab": variants.AnnouncedCache, "/app": variants.Unannounced,
	} {
		if got := plan.Announces(path, true); got != want {
			t.Errorf("the folder %s is announced as %q, want %q", path, got, want)
		}
	}
	plan.Request.Variant.Sources, plan.Request.Entry = variants.SourcesExcluded, variants.EntryCmd
	for path, want := range map[string]variants.Announcement{
		"/src/main.go": variants.Unannounced, "/app/.server.dlvgen": variants.Unannounced, "/go/pkg/mod/m@v1/a.go": variants.AnnouncedModule, "/usr/local/go": variants.Unannounced,
	} {
		if got := plan.Announces(path, path == "/usr/local/go"); got != want {
			t.Errorf("without sources %s is announced as %q, want %q", path, got, want)
		}
	}
}

func TestAPlanAnnouncesTheDataOfItsTests(t *testing.T) {
	plan := &variants.Plan{Test: &variants.Test{Package: "example.com/a/store", Dir: "/src/store"}}
	for path, want := range map[string]variants.Announcement{
		"/src/store/testdata/a/key.pem": variants.AnnouncedSource, "/src/store/store_test.go": variants.Unannounced, "/src/testdata/a": variants.Unannounced,
		"/src/store2/testdata": variants.Unannounced, "/src/store": variants.Unannounced,
	} {
		if got := plan.Announces(path, false); got != want {
			t.Errorf("%s is announced as %q, want %q", path, got, want)
		}
	}
	for path, want := range map[string]variants.Announcement{
		"/src": variants.AnnouncedSource, "/src/store": variants.AnnouncedSource, "/src/store/testdata/a": variants.AnnouncedSource, "/src/other": variants.Unannounced,
	} {
		if got := plan.Announces(path, true); got != want {
			t.Errorf("the folder %s is announced as %q, want %q", path, got, want)
		}
	}
}
