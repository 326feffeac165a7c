package record

import (
	"io/fs"
	"slices"
	"testing"
)

func TestHeadersAreThoseThatAreIncluded(t *testing.T) {
	files := map[string]string{
		"/m/c/c.go": "package c\n\n// #include \"comment.h\"\n//#include <angle.h>\n/*\n#include \"block.h\"\n*/\n/* #include \"opened.h\" */\n" +
			"import \"C\"\n\nconst s = `\nunmentioned.h`\n",
		"/m/c/a.c":         "  #  include\t\"spaced.h\"\n#import \"objc.h\"\n#include_next <next.h>\n// #include \"old.h\"\nchar *s = \"#include \\\"string.h\\\"\";\n#include \"sub/below.h\"\n",
		"/m/c/a.s":         "#include \"textflag.h\"\n#include \"asm.h\"\n",
		"/m/c/spaced.h":    "#include \"./deeper.h\"\n#include \"../c/upper.h\"\n#include \"c/inside.h\"\n",
		"/m/c/deeper.h":    "#include \"spaced.h\"\n#include",
		"/m/c/s.swig":      "%include \"swig.h\"\n",
		"/m/c/unused.h":    "#include \"unused2.h\"\n",
		"/m/c/comment.h":   "#include \"\n",
		"/m/c/missing.cpp": "",
	}
	delete(files, "/m/c/missing.cpp")
	p := goPackage{
		Dir: "/m/c", CgoFiles: []string{"c.go"}, CFiles: []string{"a.c"}, CXXFiles: []string{"missing.cpp"}, SFiles: []string{"a.s"}, SwigFiles: []string{"s.swig"},
		HFiles: []string{
			"angle.h", "asm.h", "below.h", "block.h", "comment.h", "deeper.h", "inside.h", "next.h", "objc.h", "old.h", "opened.h",
			"spaced.h", "string.h", "swig.h", "unmentioned.h", "unused.h", "unused2.h", "upper.h",
		},
	}
	got := p.headers(func(path string) ([]byte, error) {
		text, ok := files[path]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(text), nil
	})
	slices.Sort(got)
	want := []string{"angle.h", "asm.h", "block.h", "comment.h", "deeper.h", "inside.h", "next.h", "objc.h", "opened.h", "spaced.h", "swig.h", "upper.h"}
	if !slices.Equal(got, want) {
		t.Errorf("the headers are %q, want %q", got, want)
	}
	p.CgoFiles, p.CFiles, p.CXXFiles, p.SFiles, p.SwigFiles, p.GoFiles = nil, nil, nil, nil, nil, []string{"c.go"}
	if got := p.headers(func(string) ([]byte, error) { return nil, nil }); len(got) != 0 {
		t.Errorf("a package without C includes %q", got)
	}
}
