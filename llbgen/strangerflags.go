package llbgen

import (
	"fmt"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/toolflags"
	"golang.org/x/mod/module"
)

// hostFlag is what build information may hand to the C compiler and its linker: what they
// define, read, optimize, warn of and link. Not -fplugin, -wrapper, -B, -specs, @FILE and
// the like, which run programs or read flags from a file. The go command allows about the
// same in #cgo lines (cmd/go/internal/work/security.go).
var hostFlag = regexp.MustCompile(`^(` + strings.Join([]string{
	`[^-@].*`, // a file, or the value of the flag before
	`-[DUIL].*`, `-l[\w.+:-]+`, `-(isystem|iquote|idirafter|include|framework|F|arch|target|x|sysroot)`, `--sysroot=.+`,
	`-O[0-3gsz]?`, `-Ofast`, `-g[\w=.-]*`, `-m[\w=.,+-]+`, `-std=[\w+:]+`, `-w`, `-W[a-z][\w=+-]*`, `-W`, `-pedantic(-errors)?`,
	`-f(no-)?(asynchronous-unwind-tables|builtin|common|data-sections|debug-prefix-map=.+|exceptions|ffile-prefix-map=.+|file-prefix-map=.+|function-sections|lto(=\w+)?|macro-prefix-map=.+|math-errno|omit-frame-pointer|openmp|pic|PIC|pie|PIE|plt|sanitize=[\w,]+|signed-char|stack-clash-protection|stack-protector[\w-]*|strict-aliasing|unwind-tables|visibility=\w+|zero-initialized-in-bss|cf-protection(=\w+)?|fast-math|tree-vectorize|cx-limited-range|diagnostics-[\w=-]+)`,
	`-fuse-ld=(bfd|gold|lld|mold)`, `-pthread`, `-pie`, `-no-pie`, `-static(-pie|-libgcc|-libstdc\+\+)?`, `-shared(-libgcc)?`, `-rdynamic`, `-nostdlib`, `-s`, `-S`,
	`-Wl(,(-z|-z\w+|-O\d?|-[sSxEr]|-rpath|-soname|-pie|-B(static|dynamic|symbolic)|--?((no-)?as-needed|build-id(=\w+)?|dynamic-linker(=[^,]+)?|(start|end)-group|` +
		`export-dynamic|gc-sections|hash-style=\w+|(no-|allow-shlib-)undefined|(push|pop)-state|rpath(-link)?(=[^,]+)?|soname=[^,]+|strip-(all|debug)|(no-)?warn-[\w-]+|(no-)?whole-archive|wrap(=\w+)?)|[^-@,][^,]*))+`,
}, "|") + `)$`)

// linkerPrograms are the flags of Go's linker that name programs which it runs
// (cmd/link/internal/ld/main.go).
var linkerPrograms = toolflags.Names("extar extld")

// checkStranger refuses build information by which the compile would run another program
// than Go's: it comes from an image, which may be a stranger's, and secrets may be mounted
// in the step. Sources themselves cannot do that.
func checkStranger(info *debug.BuildInfo) error {
	for _, path := range []string{info.Path, info.Main.Path} {
		if err := module.CheckImportPath(path); err != nil {
			return fmt.Errorf("its build information names a package that cannot be one: %w", err)
		}
	}
	for _, s := range info.Settings {
		var words []toolflags.Word
		var err error
		switch s.Key {
		case "CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_LDFLAGS":
			words, err = toolflags.Split(s.Value)
		case "-ldflags":
			words, err = extldflags(s.Value)
		}
		if err != nil {
			return fmt.Errorf("the setting %s of its build information cannot be read: %w", s.Key, err)
		}
		for _, w := range words {
			if !hostFlag.MatchString(w.Text) {
				return fmt.Errorf("the setting %s of its build information has the flag %q, which may run another program", s.Key, w.Text)
			}
		}
	}
	return nil
}

// extldflags are the flags that -ldflags hands to the C compiler. It refuses other programs
// in its place.
func extldflags(value string) (host []toolflags.Word, err error) {
	v, err := toolflags.ParseValue(value)
	if err != nil {
		return nil, err
	}
	for i, w := range v.Words {
		name, value, hasValue, ok := toolflags.CutFlag(w.Text)
		switch {
		case !ok:
		case linkerPrograms[name]:
			return nil, fmt.Errorf("-%s names another program", name)
		case name == "extldflags":
			if !hasValue && i+1 < len(v.Words) {
				value = v.Words[i+1].Text
			}
			words, err := toolflags.Split(value)
			if err != nil {
				return nil, err
			}
			host = append(host, words...)
		}
	}
	return host, nil
}
