package shim

import (
	"slices"
	"testing"
)

func TestGcflagsEndWithDebugFlagsForEveryPackage(t *testing.T) {
	for _, test := range []struct {
		name   string
		values []string
		want   []string
	}{
		{"none", nil, []string{"-gcflags=all=-N -l"}},
		{"empty", []string{""}, []string{"-gcflags=all=-N -l", "-gcflags=-N -l"}},
		{"of the packages named", []string{"-m"}, []string{"-gcflags=all=-N -l", "-gcflags=-m -N -l"}},
		{"of all packages", []string{"all=-e -B"}, []string{"-gcflags=all=-e -B -N -l"}},
		{"the same already", []string{"all=-N -l"}, []string{"-gcflags=all=-N -l"}},
		{"in other forms", []string{"all=--N -l=1"}, []string{"-gcflags=all=-N -l"}},
		{"more inlining", []string{"-l=4"}, []string{"-gcflags=all=-N -l", "-gcflags=-N -l"}},
		{"optimization forced", []string{"all=-N=false -l=0 -m"}, []string{"-gcflags=all=-m -N -l"}},
		{"no DWARF", []string{"-dwarf=false"}, []string{"-gcflags=all=-N -l", "-gcflags=-N -l"}},
		{"trimmed paths", []string{"all=-trimpath=/src -e"}, []string{"-gcflags=all=-e -N -l"}},
		{"trimmed paths, apart", []string{"all=-trimpath /src -e"}, []string{"-gcflags=all=-e -N -l"}},
		{"of a pattern", []string{"./lib/...=-m"}, []string{"-gcflags=all=-N -l", "-gcflags=./lib/...=-m -N -l"}},
		{"several", []string{"a=-m", "all=-e", "b=-S"}, []string{"-gcflags=all=-e -N -l", "-gcflags=b=-S -N -l"}},
		{"a value that looks like a flag", []string{"-c -N -d -l"}, []string{"-gcflags=all=-N -l", "-gcflags=-c -N -d -l -N -l"}},
		{"quoted", []string{`all='-d=a b' "-m"`}, []string{`-gcflags=all='-d=a b' "-m" -N -l`}},
		{"quoted behind what is dropped", []string{"-l '-d=a b'"}, []string{"-gcflags=all=-N -l", "-gcflags=-v=false '-d=a b' -N -l"}},
		{"flags that end early", []string{"all=-m -- x"}, []string{"-gcflags=all=-m -N -l -- x"}},
		{"nothing for all", []string{"all="}, []string{"-gcflags=all=-N -l"}},
	} {
		got, err := editGcflags(test.values)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: editGcflags(%q) = %q, %v, want %q", test.name, test.values, got, err, test.want)
		}
	}
}

func TestLdflagsKeepEverythingThatDoesNotStrip(t *testing.T) {
	for _, test := range []struct{ value, want string }{
		{"-s -w", ""},
		{"-s=true --w=1 -w=t", ""},
		{"-s=false -w=0", ""},
		{"-s=maybe", "-s=maybe"}, // the linker's to refuse
		{"-w -X main.v=1 -s", "-X main.v=1"},
		{`-s -X 'main.v=a b' -w -X "main.w=-s -w"`, `-X 'main.v=a b' -X "main.w=-s -w"`},
		{"-X -s -w", "-X -s"},
		{"-X=main.v=-s -s", "-X=main.v=-s"},
		{"-buildid= -s -linkmode external", "-buildid= -linkmode external"},
		{"-r -w -s", "-r -w"},
		{"all=-s -w -X a=b", "all=-X a=b"},
		{"example.com/...=-s", "example.com/...="},
		{"-v", "-v"},
		{`-extldflags "-static -s"`, `-extldflags "-static"`},
		{`-s -extldflags '-static -Wl,-s,-z,relro'`, `-extldflags '-static -Wl,-z,relro'`},
		{`-v "-extldflags=-static -Wl,--strip-all"`, `-v "-extldflags=-static"`},
		{`-s '-X=main.v=a b'`, `-v=false '-X=main.v=a b'`}, // must begin with a dash
		{`all=-s '-X=main.v=a b'`, `all='-X=main.v=a b'`},
		{`-extldflags=-static`, `-extldflags=-static`},
		{`-extldflags=-s -X a=b`, `-X a=b`},
		{`-extldflags -s -X a=b`, `-X a=b`},
		{`-extldflags '-Xlinker -S -Xlinker -z'`, `-extldflags '-Xlinker -z'`},
		{`-extldflags '-Wl,--strip-debug -Wl,-S "-Wl,-s,-rpath,/a b"'`, `-extldflags '"-Wl,-rpath,/a b"'`},
		{"  -s   -X   a=b  ", "-X a=b"},
		{"", ""},
	} {
		got, err := editLdflags([]string{test.value})
		if want := []string{"-ldflags=" + test.want}; err != nil || !slices.Equal(got, want) {
			t.Errorf("editLdflags(%q) = %q, %v, want %q", test.value, got, err, want)
		}
	}
}

func TestFlagsThatTheGoCommandRefusesAreLeftToIt(t *testing.T) {
	for _, value := range []string{"foo", "=-s", `"a=-s"`, `-X 'main.v`} {
		if got, err := editLdflags([]string{value}); err == nil {
			t.Errorf("editLdflags(%q) = %q, want an error", value, got)
		}
	}
}

func TestGoflagsAreReadAsTheVersionOfGoReadsThem(t *testing.T) {
	for _, test := range []struct {
		value string
		minor int
		want  string
		fails bool
	}{
		{value: "", minor: 26, want: ""},
		{value: "-mod=mod -trimpath", minor: 16, want: "-mod=mod"},
		{value: "-trimpath=true --ldflags=-s -tags=x", minor: 16, want: "-tags=x"},
		{value: `'-ldflags=-s -w' "-tags=a b" -a`, minor: 20, want: `"-tags=a b"`},
		{value: `'-ldflags=-s -w'`, minor: 19, fails: true},
		{value: "'-tags=x", minor: 26, fails: true},
		{value: "-v ./...", minor: 26, fails: true},
	} {
		g, ok := parseGoflags(test.value, test.minor)
		if ok == test.fails {
			t.Errorf("parseGoflags(%q, %d): ok = %v", test.value, test.minor, ok)
		} else if got := g.without(rewritten); ok && got != test.want {
			t.Errorf("parseGoflags(%q, %d) leaves %q, want %q", test.value, test.minor, got, test.want)
		}
	}
}

func TestMinorVersionIsReadFromEveryFormOfVersion(t *testing.T) {
	for version, want := range map[string]int{
		"go1.16": 16, "go1.21.13": 21, "go1.27rc1": 27, "devel go1.23-abcdef Mon": 23,
		"go1.26.8 X:jsonv2": 26, "devel +abcdef": 999, "": 999,
	} {
		if got := (facts{GOVERSION: version}).minor(); got != want {
			t.Errorf("minor version of %q = %d, want %d", version, got, want)
		}
	}
}
