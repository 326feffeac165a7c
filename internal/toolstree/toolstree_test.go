package toolstree_test

import (
	"crypto/sha256"
	"debug/elf"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/toolstree"
	"github.com/dlvgen/dlvgen/variants/delve"
)

// wanted are the files of a platform for which every Delve exists.
func wanted() []string {
	files := []string{layout.ToolGo, layout.ToolInit}
	for _, version := range delve.Versions() {
		files = append(files, fileOf(version))
	}
	return files
}

func fileOf(version string) string { return filepath.Join(layout.ToolDelve, version, "dlv") }

func build(t *testing.T, dir string) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir()) // the lock is left there
	o := toolstree.Options{Repo: "../..", Dir: dir, Platforms: []toolstree.Platform{{OS: "linux", Arch: "arm64"}}}
	if err := toolstree.Build(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

// TestTrees makes one tree, which is looked at from several sides: to link every Delve
// takes a while.
func TestTrees(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tree")
	build(t, dir)
	t.Run("hold static, stripped programs of their platform", func(t *testing.T) { checkPrograms(t, dir) })
	t.Run("are the same bytes, and the second run writes nothing", func(t *testing.T) { checkSecond(t, dir) })
	t.Run("lose a Delve of another version", func(t *testing.T) { checkStale(t, dir) })
}

func checkPrograms(t *testing.T, dir string) {
	t.Helper()
	for _, name := range wanted() {
		f, err := elf.Open(filepath.Join(dir, "linux_arm64", name))
		if err != nil {
			t.Fatal(err)
		}
		if f.Machine != elf.EM_AARCH64 {
			t.Errorf("%s is for %s", name, f.Machine)
		}
		for _, section := range []string{".interp", ".symtab", ".debug_info"} {
			if f.Section(section) != nil {
				t.Errorf("%s has a section %s", name, section)
			}
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(found) != 1 {
		t.Errorf("the tree holds %v (%v), want one platform", found, err)
	}
}

func checkSecond(t *testing.T, one string) {
	t.Helper()
	two := filepath.Join(t.TempDir(), "tree")
	build(t, two)
	for _, name := range wanted() {
		if digest(t, filepath.Join(one, "linux_arm64", name)) != digest(t, filepath.Join(two, "linux_arm64", name)) {
			t.Errorf("%s differs between two trees", name)
		}
	}
	debugger := filepath.Join(one, "linux_arm64", fileOf(delve.Newest))
	before, err := os.Stat(debugger)
	if err != nil {
		t.Fatal(err)
	}
	build(t, one)
	after, err := os.Stat(debugger)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) {
		t.Error("Delve was made again though it was there")
	}
}

func checkStale(t *testing.T, made string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	if err := os.CopyFS(dir, os.DirFS(made)); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(dir, "linux_arm64", layout.ToolDelve, "1.0.0")
	stale := filepath.Join(dir, "linux_arm64", fileOf(delve.Newest))
	for _, file := range []string{filepath.Join(old, "dlv"), stale} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("no program"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	build(t, dir)
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("the other version stayed: %v", err)
	}
	if _, err := elf.Open(stale); err != nil {
		t.Errorf("the broken file stayed: %v", err)
	}
}

func TestTheChecksumDatabaseCannotBeOff(t *testing.T) {
	t.Setenv("GOSUMDB", "off")
	err := toolstree.Build(t.Context(), toolstree.Options{Repo: "../..", Dir: filepath.Join(t.TempDir(), "tree")})
	if err == nil {
		t.Error("built with GOSUMDB=off")
	}
}

func TestParsePlatformRefusesWhatDelveCannotDo(t *testing.T) {
	for _, text := range []string{"", "linux", "linux/s390x", "linux/arm", "windows/amd64", "amd64"} {
		if p, err := toolstree.ParsePlatform(text); err == nil {
			t.Errorf("ParsePlatform(%q) = %v, want an error", text, p)
		}
	}
}

// A frontend image of every platform's tools would be twice as large.
func TestAFrontendImageHasTheToolsOfItsPlatformAlone(t *testing.T) {
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	const stage = "FROM toolstree AS layers\nARG TARGETOS TARGETARCH\nWORKDIR /out/tree/${TARGETOS}_${TARGETARCH}\n"
	if !strings.Contains(string(dockerfile), stage) {
		t.Errorf("the Dockerfile has no stage that begins with\n%s", stage)
	}
}

func TestTheFrontendImageHasALayerForEachDelve(t *testing.T) {
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, found := range regexp.MustCompile(`(?m)^COPY --from=layers /layers/(\d\S*) /tools$`).FindAllStringSubmatch(string(dockerfile), -1) {
		got = append(got, found[1])
	}
	want := delve.Versions()
	slices.Reverse(want)
	if !slices.Equal(got, want) {
		t.Errorf("the Dockerfile copies Delve %v, and shipped are %v", got, want)
	}
}

func digest(t *testing.T, file string) [sha256.Size]byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(text)
}
