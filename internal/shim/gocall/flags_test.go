package gocall

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
