package mounts

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const table = `21 1 0:20 / / rw,relatime - overlay none rw
22 21 0:5 / /proc rw - proc none rw
23 21 0:44 /shim /usr/local/go/bin/go ro - ext4 /dev/sda rw
24 21 0:44 /go /.dlvgen/real/usr/local/go/bin/go ro - ext4 /dev/sda rw
25 21 0:44 /cache/dlvgen-go-mod /go/pkg/mod rw - ext4 /dev/sda rw
26 21 0:44 /cache/theirs /root/.cache/a\040tab\011and\134slash rw - ext4 /dev/sda rw
`

func writeTable(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mountinfo")
	if err := os.WriteFile(file, []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestPathsOfATableAreUnescaped(t *testing.T) {
	points, err := Read(writeTable(t))
	if err != nil {
		t.Fatal(err)
	}
	const odd = "/root/.cache/a tab\tand\\slash"
	if len(points) != 6 || points[odd] != "/cache/theirs" || !points.Has(odd+"/") {
		t.Errorf("read %q", points)
	}
	for path, want := range map[string]bool{odd + "/below/it": true, "/go/pkg/mod": true, "/go/pkg": false, "/home": false} {
		if points.Covers(path) != want {
			t.Errorf("%s is on a mount of its own: %v", path, !want)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("a table that is not there has been read")
	}
}

func TestOwnMountsAreToldFromOthers(t *testing.T) {
	points, err := ReadPoints(writeTable(t), "/.dlvgen/real")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(points.Own)
	slices.Sort(points.Others)
	if want := []string{"/.dlvgen/real/usr/local/go/bin/go", "/go/pkg/mod", "/usr/local/go/bin/go"}; !slices.Equal(points.Own, want) {
		t.Errorf("our own are %q, want %q", points.Own, want)
	}
	if want := []string{"/proc", "/root/.cache/a tab\tand\\slash"}; !slices.Equal(points.Others, want) {
		t.Errorf("others are %q, want %q", points.Others, want)
	}
	if !points.IsOwn("/go/pkg/mod/") || points.IsOwn("/go/pkg") || !AnyWithin(points.Own, "/go") || AnyWithin(points.Own, "/g") {
		t.Errorf("%q are not where they are", points.Own)
	}
}
