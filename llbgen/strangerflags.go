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
	`-O[0-3gsz]?`, `-Ofast`, `-g([0-3]|gdb[0-3]?|dwarf(-[2-5])?|dwarf(32|64)|z(=\w+)?|line-tables-only|split-dwarf|no-[\w-]+|column-info|record-gcc-switches|no-record-gcc-switches)?`, `-m(no-|abi=|arch=|cpu=|tune=|fpu=|float-abi=|(macosx|iphoneos|ios)[\w-]*-min=|cmodel=|fpmath=|branch-protection=|stack-alignment=|prefer-vector-width=|tls-dialect=)[\w=.,+-]+`,
	`-m(32|64|x32|thumb|arm|hard-float|soft-float|aes|avx[\w.]*|bmi2?|crc32|cx16|f16c|fma4?|lzcnt|mmx|movbe|pclmul|popcnt|rdrnd|sha|sse[\w.]*|ssse3|windows|console|threads|omit-leaf-frame-pointer|fentry|vsx|altivec)`, `-std=[\w+:]+`, `-w`, `-W[a-z][\w=+-]*`, `-W`, `-pedantic(-errors)?`,
	`-f(no-)?(asynchronous-unwind-tables|builtin|common|data-sections|debug-prefix-map=.+|exceptions|ffile-prefix-map=.+|file-prefix-map=.+|function-sections|lto(=\w+)?|macro-prefix-map=.+|math-errno|omit-frame-pointer|openmp|pic|PIC|pie|PIE|plt|sanitize=[\w,]+|signed-char|stack-clash-protection|stack-protector[\w-]*|strict-aliasing|unwind-tables|visibility=\w+|zero-initialized-in-bss|cf-protection(=\w+)?|fast-math|tree-vectorize|cx-limited-range|diagnostics-[\w=-]+)`,
	`-fuse-ld=(bfd|gold|lld|mold)`, `-pthread`, `-pie`, `-no-pie`, `-static(-pie|-libgcc|-libstdc\+\+)?`, `-shared(-libgcc)?`, `-rdynamic`, `-nostdlib`, `-s`, `-S`,
	`-Wl(,(-z|-z\w+|-O\d?|-[sSxEr]|-rpath|-soname|-pie|-B(static|dynamic|symbolic)|--?((no-)?as-needed|build-id(=\w+)?|dynamic-linker(=[^,]+)?|(start|end)-group|` +
		`export-dynamic|gc-sections|hash-style=\w+|(no-|allow-shlib-)undefined|(push|pop)-state|rpath(-link)?(=[^,]+)?|soname=[^,]+|strip-(all|debug)|(no-)?warn-[\w-]+|(no-)?whole-archive|wrap(=\w+)?)|[^-@,][^,]*))+`,
}, "|") + `)$`)

// Flags of Go's linker that build information may have, those with a value apart
// (cmd/link/internal/ld/main.go). Others name programs which it runs, or files that it
// writes, such as -extld and -o: the go command's own come before these.
var (
	linkerSwitches = toolflags.Names("a asan aslr bindnow c checklinkname compressdwarf d debugnosplit dumpdep e f g h linkshared msan n pruneweakmap race s stats v V w")
	linkerValues   = toolflags.Names("B buildid buildmode D debugtextsize debugtramp E extldflags F funcalign H I installsuffix k L libgcc linkmode pluginpath r R randlayout strictdups T X")
)

// toolFiles are the flags of Go's compiler and assembler that name files which they write.
var toolFiles = toolflags.Names("asmhdr bench blockprofile cpuprofile json linkobj memprofile mutexprofile o traceprofile")

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
		case "-gcflags", "-asmflags":
			err = checkTool(s.Value)
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
	v, err := parseTool(value)
	if err != nil {
		return nil, err
	}
	edit := func(f toolflags.Flag) []toolflags.Word {
		if !linkerSwitches[f.Name] && !linkerValues[f.Name] {
			err = fmt.Errorf("-%s may name another program, or a file", f.Name)
		}
		var words []toolflags.Word
		var unquoted error
		switch option := map[string]string{"I": "--dynamic-linker", "r": "-rpath"}[f.Name]; {
		case f.Name == "extldflags":
			words, unquoted = toolflags.Split(f.Value)
		case option != "" && f.Value != "":
			words = []toolflags.Word{{Text: "-Wl," + option + "," + f.Value}}
		}
		if unquoted != nil {
			err = unquoted
		}
		host = append(host, words...)
		return nil
	}
	_, rest := toolflags.Map(v.Words, linkerValues, edit)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%q is no flag", rest[0].Text)
	}
	return host, err
}

// checkTool refuses flags of the compiler or the assembler that write to other files than
// the go command's.
func checkTool(value string) error {
	v, err := parseTool(value)
	if err != nil {
		return err
	}
	for _, w := range v.Words {
		if name, _, _, ok := toolflags.CutFlag(w.Text); ok && toolFiles[name] {
			return fmt.Errorf("-%s names a file", name)
		}
	}
	return nil
}

// parseTool reads flags of one of Go's tools. @FILE, which they take from anywhere on
// their command lines (cmd/internal/objabi/flag.go), would hide more. The go command refuses
// it too, where it begins an argument.
func parseTool(value string) (toolflags.Value, error) {
	v, err := toolflags.ParseValue(value)
	for _, w := range v.Words {
		if strings.HasPrefix(w.Text, "@") {
			return v, fmt.Errorf("%q takes flags from a file", w.Text)
		}
	}
	return v, err
}
