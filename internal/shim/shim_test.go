package shim

import (
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/shim/step"
)

func TestTheNameOfACallSaysWhatIsToBeDone(t *testing.T) {
	for _, test := range []struct{ name, executable, args, want string }{
		{"go", "/usr/local/go/bin/go", "build .", ""},
		{"/.dlvgen/bin/go", "/.dlvgen/bin/go", "", ""},
		{"go", "/usr/local/go/bin/go", "dlvgen-toolexec 0 link", "dlvgen-toolexec"},
		{"go", "/usr/local/go/bin/go", "dlvgen-exec /tmp/build", "dlvgen-exec"},
		{"go", "/usr/local/go/bin/go", "dlvgen-exec", ""}, // without a program, the real go says that it knows no such command
		{"rm", "/.dlvgen/stand-ins/rm", "-rf /usr/local/go", "rm"},
		{"/.dlvgen/stand-ins/rm", "/.dlvgen/stand-ins/rm", "dlvgen-exec", "rm"},
		{"firm", "/.dlvgen/stand-ins/rm", "file", "rm"},
		{"x-rm", "/usr/local/go/bin/go", "file", ""},
		{"strip", "/usr/bin/x86_64-linux-gnu-strip", "app", "strip"},
		{"/usr/bin/aarch64-linux-gnu-objcopy", "/usr/bin/aarch64-linux-gnu-objcopy", "-S app", "objcopy"},
		{"llvm-strip-14", "/usr/bin/llvm-objcopy-14", "app", "strip"},
		{"eu-strip", "/usr/bin/eu-strip", "app", "eu-strip"},
		{"x", "/usr/bin/upx", "app", "upx"},
		{"stripper", "/usr/local/go/bin/go", "app", ""},
	} {
		s := step.Step{Name: test.name, Executable: test.executable}
		if got := calledAs(s, strings.Fields(test.args)); got != test.want {
			t.Errorf("%s at %s with %q is called as %q, want %q", test.name, test.executable, test.args, got, test.want)
		}
	}
}
