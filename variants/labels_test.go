package variants_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
)

// labelled are the labels of a plan for the variant.
func labelled(t *testing.T, variant string) map[string]string {
	t.Helper()
	p, err := variants.New(input(t, variant))
	if err != nil {
		t.Fatal(err)
	}
	return p.Config.Config.Labels
}

func TestThePlansLabelsAreRead(t *testing.T) {
	for _, v := range variants.Known() {
		p, err := variants.New(input(t, v.Name))
		if err != nil {
			t.Fatal(err)
		}
		labels, err := variants.ParseLabels(p.Config.Config.Labels)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		want := variants.Labels{
			Format: "1", Version: "v1.0.0", Variant: v.Name, Preset: v.Name, Kind: v.Kind, Entry: p.Request.Entry, Delve: p.Delve, Go: p.Program.GoVersion,
			Program: p.Program.Path, Module: p.Program.Module, Listen: ":8000", Start: variants.StartHold, Sources: v.Sources, Paths: p.Paths,
		}
		if diff := cmp.Diff(want, labels); diff != "" {
			t.Errorf("%s (-want +got):\n%s", v.Name, diff)
		}
	}
}

// What is not known of production is not said, and what is known is read again.
func TestLabelsNameTheProductionImageWhereItIsKnown(t *testing.T) {
	const digest = "sha256:0123456789012345678901234567890123456789012345678901234567890123"
	for _, known := range []struct{ reference, digest string }{{}, {reference: "localhost:5000/app:v1"}, {"docker.io/library/app:v1", digest}} {
		in := input(t, "remote")
		in.Reference, in.Digest = known.reference, known.digest
		labels := plan(t, in).Config.Config.Labels
		for name, want := range map[string]string{variants.LabelProductionName: known.reference, variants.LabelProductionDigest: known.digest} {
			if got, ok := labels[name]; got != want || ok != (want != "") {
				t.Errorf("%+v: the label %s is %q, %t", known, name, got, ok)
			}
		}
		got, err := variants.ParseLabels(labels)
		if err != nil || got.Reference != known.reference || got.Digest != known.digest {
			t.Errorf("%+v: read are %q and %q, %v", known, got.Reference, got.Digest, err)
		}
	}
}

// A later format is told before anything else: of the rest nothing is known then.
func TestLabelsOfALaterFormatNameTheDlvgenToUse(t *testing.T) {
	_, err := variants.ParseLabels(map[string]string{variants.LabelFormat: "2", variants.LabelVersion: "v9.9.9", variants.LabelKind: "replay"})
	const want = `the label io.github.dlvgen.format="2": this dlvgen does not know it: use the dlvgen that derived the image, "v9.9.9"`
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

func TestLabelsThatNoDlvgenWritesAreRefused(t *testing.T) {
	rule := func(path, module string) string {
		return `[{"path":"` + path + `","kind":"module","module":"` + module + `"}]`
	}
	for _, test := range []struct{ label, value, want string }{
		{variants.LabelFormat, "2", "does not know"},
		{variants.LabelFormat, "1\n", "does not know"},
		{variants.LabelVersion, "1.0\n", "is no version"},
		{variants.LabelVersion, "", "is no version"},
		{variants.LabelVariant, "mine", "does not know"},
		{variants.LabelPreset, "mine\n", "letters, digits"},
		{variants.LabelKind, "", "does not know"},
		{variants.LabelEntry, "cmd\n", "does not know"},
		{variants.LabelStart, "now", "does not know"},
		{variants.LabelSources, "some", "does not know"},
		{variants.LabelDelve, "1.27.2; id", "is no version"},
		{variants.LabelGo, "go1.26\x1b[2J", "not printed"},
		{variants.LabelRebuilt, "context\u202e", "not printed"},
		{variants.LabelProductionName, "app:v1\x1b[2J", "invalid reference format"},
		{variants.LabelProductionDigest, "sha256:0", "invalid checksum digest length"},
		{variants.LabelProgram, "server", "no absolute path"},
		{variants.LabelProgram, "/server\u009b", "not printed"},
		{variants.LabelModule, "a b", "invalid char"},
		{variants.LabelModule, "m\nEOF", "invalid char"},
		{variants.LabelModule, "-clear", "leading dash"},
		{variants.LabelListen, "", "host:port"},
		{variants.LabelListen, ":+80", "from 1 to 65535"},
		{variants.LabelListen, ":65536", "from 1 to 65535"},
		{variants.LabelListen, "$(cmd):8000", "neither a name nor an IP address"},
		{variants.LabelListen, "-x:8000", "neither a name nor an IP address"},
		{variants.LabelListen, "[::1%$(cmd)]:8000", "neither a name nor an IP address"},
		{variants.LabelPaths, "", "no list of path rules"},
		{variants.LabelPaths, "[] []", "no list of path rules"},
		{variants.LabelPaths, rule(`/x\nEOF\ntouch pwned #`, "m"), "not printed"},
		{variants.LabelPaths, rule(`/x\u2028`, "m"), "not printed"},
		{variants.LabelPaths, rule("src", "m"), "no absolute path"},
		{variants.LabelPaths, rule("", "m"), "no absolute path"},
		{variants.LabelPaths, rule("/src", "m m"), "invalid char"},
		{variants.LabelPaths, rule("/"+strings.Repeat("x", 4096), "m"), "longer than 4096 bytes"},
		{variants.LabelPaths, `[{"path":"/src","kind":"vendor"}]`, "does not know"},
		{variants.LabelPaths, `[{"path":"","source":"mod","kind":"modcache"}]`, "no absolute path"},
	} {
		labels := maps.Clone(labelled(t, "remote"))
		labels[test.label] = test.value
		_, err := variants.ParseLabels(labels)
		var bad *variants.LabelError
		if !errors.As(err, &bad) || bad.Label != test.label || !strings.Contains(bad.Reason, test.want) || !visible.Text(err.Error()) {
			t.Errorf("%s=%q: got %v, want %q in it", test.label, test.value, err, test.want)
			continue
		}
		if want := strings.Contains(test.want, "does not know"); bad.Unknown != want {
			t.Errorf("%s=%q: Unknown is %v", test.label, test.value, bad.Unknown)
		}
	}
}

func TestLabelsThatArePossible(t *testing.T) {
	for _, changes := range []map[string]string{
		{variants.LabelFormat: ""},
		{variants.LabelVersion: "(devel)"},
		{variants.LabelPreset: "fast"},
		{variants.LabelPreset: ""},
		{variants.LabelVersion: "v0.0.0-20260102030405-0123456789ab+dirty"},
		{variants.LabelGo: "devel go1.27-0123456 Fri Jan 2 03:04:05 2026 +0000 X:nodwarf5"},
		{variants.LabelModule: "", variants.LabelPaths: "[]"},
		{variants.LabelListen: "[fe80::1%eth0]:8000"},
		{variants.LabelListen: "db_1.example:8000"},
		{variants.LabelProgram: "/opt/my app/../日本"},
		{variants.LabelPaths: `[{"path":"hello","source":"/src","kind":"module","module":"hello"},{"path":"","source":"/go/pkg/mod","kind":"modcache"}]`},
		{variants.LabelPaths: "null"},
	} {
		labels := maps.Clone(labelled(t, "remote"))
		maps.Copy(labels, changes)
		if _, err := variants.ParseLabels(labels); err != nil {
			t.Errorf("%v: %v", changes, err)
		}
	}
}

// Delve compares names of folders, and a variable of the image's can end in a slash.
func TestPathsAreRead(t *testing.T) {
	labels := labelled(t, "remote")
	labels[variants.LabelPaths] = `[{"path":"/go/pkg//mod/","kind":"modcache"}]`
	got, err := variants.ParseLabels(labels)
	if err != nil || len(got.Paths) != 1 || got.Paths[0].Path != "/go/pkg/mod" {
		t.Errorf("got %v, %v", got.Paths, err)
	}
}

func TestListenIsAnAddress(t *testing.T) {
	for _, listen := range []string{"$(cmd):8000", "a b:8000", "h\n:8000", ":0", ":http", "8000"} {
		if _, _, err := variants.SplitAddress(listen); err == nil {
			t.Errorf("--listen=%q is taken", listen)
		}
	}
}
