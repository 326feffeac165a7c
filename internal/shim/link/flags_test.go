package link

import (
	"slices"
	"testing"
)

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
		got, err := Edit([]string{test.value})
		if want := []string{"-ldflags=" + test.want}; err != nil || !slices.Equal(got, want) {
			t.Errorf("Edit(%q) = %q, %v, want %q", test.value, got, err, want)
		}
	}
}

func TestFlagsThatTheGoCommandRefusesAreLeftToIt(t *testing.T) {
	for _, value := range []string{"foo", "=-s", `"a=-s"`, `-X 'main.v`} {
		if got, err := Edit([]string{value}); err == nil {
			t.Errorf("Edit(%q) = %q, want an error", value, got)
		}
	}
}
