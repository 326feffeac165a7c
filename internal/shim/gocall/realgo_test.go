package gocall

import (
	"encoding/json"
	stdflag "flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/shim/environ"
	"github.com/dlvgen/dlvgen/internal/shim/shimtest"
	"github.com/dlvgen/dlvgen/internal/shim/toolchain"
)

// realGo asks the real go command what it would do with command lines in a small
// module.
type realGo struct {
	dir   string
	env   environ.Environ
	minor int
}

func newRealGo(tb testing.TB) realGo {
	tb.Helper()
	g := realGo{dir: tb.TempDir()}
	for name, text := range map[string]string{
		"go.mod":         "module example.com/m\n\ngo 1.21\n",
		"main.go":        "package main\n\nimport \"example.com/m/lib\"\n\nvar version string\n\nfunc main() { println(lib.Name, version) }\n",
		"tagged.go":      "//go:build a || !b\n\npackage main\n",
		"lib/lib.go":     "package lib\n\nvar Name string\n",
		"lib/a.go":       "//go:build a\n\npackage lib\n",
		"cmd/b/main.go":  "package main\n\nfunc main() {}\n",
		"lib/x_test.go":  "package lib\n",
		"default.pgo":    "",
		"other/other.go": "package other\n",
	} {
		file := filepath.Join(g.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	g.env = environ.Environ(os.Environ()).With("GOENV", "off").With("GOPROXY", "off").With("GOWORK", "off").With("GOTOOLCHAIN", "local").
		With("GOBIN", filepath.Join(g.dir, "bin")).With("GOFLAGS", "").With("CGO_LDFLAGS", "")
	cmd := exec.CommandContext(tb.Context(), "go", "env", "GOVERSION")
	cmd.Dir, cmd.Env = g.dir, g.env
	out, err := cmd.Output()
	if err != nil {
		tb.Fatal(err)
	}
	g.minor = toolchain.Facts{GOVERSION: strings.TrimSpace(string(out))}.Minor()
	return g
}

// printed is what go -n says it would do.
type printed struct {
	links    []linked
	compiles [][]string // the words, of this module's packages
	outputs  []string   // where programs are put
}

// linked is one call of the linker, with the settings for the build information.
type linked struct {
	settings  []string
	sets      []string          // -X
	flags     map[string]string // the others
	hostFlags string            // -extldflags
}

// print is the answer to a call, -n added behind its head. It is false where the
// real go refuses the call.
func (g realGo) print(t *testing.T, head, words []string, env environ.Environ) (printed, string, bool) {
	t.Helper()
	args := slices.Concat(head, []string{"-n"}, words[len(head):])
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = g.dir, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		return printed{}, string(out), false
	}
	text := plain(string(out))
	return readPrinted(text), text, true
}

// plain is the output of go -n as it is without -json.
func plain(out string) string {
	var b strings.Builder
	for line := range strings.Lines(out) {
		var event struct{ Output string }
		if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &event) == nil {
			line = event.Output
		}
		b.WriteString(line)
	}
	return b.String()
}

// readPrinted reads the output of go -n. Command lines in it are joined with strconv.Quote
// where they need it (joinUnambiguously in cmd/go/internal/work/shell.go).
func readPrinted(out string) printed {
	var p printed
	var settings []string
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if quoted, ok := strings.CutPrefix(line, "modinfo "); ok {
			settings = settingsOf(quoted)
			continue
		}
		words := unjoined(line)
		tool := slices.IndexFunc(words, func(w string) bool {
			return strings.HasSuffix(w, "/link") || strings.HasSuffix(w, "/compile") || w == "mv" || w == "cp"
		})
		if tool < 0 || tool > 2 {
			continue
		}
		switch args := words[tool+1:]; filepath.Base(words[tool]) {
		case "link":
			if l, ok := readLink(args); ok {
				l.settings = settings
				p.links = append(p.links, l)
			}
		case "compile":
			if at := slices.Index(args, "-p"); at >= 0 && (args[at+1] == "main" || strings.HasPrefix(args[at+1], "example.com/m")) {
				p.compiles = append(p.compiles, args)
			}
		default:
			if to := args[len(args)-1]; !strings.HasPrefix(to, "$WORK") {
				p.outputs = append(p.outputs, to)
			}
		}
	}
	return p
}

// unjoined are the words of a command line as go -n prints it.
func unjoined(line string) []string {
	var words []string
	for line != "" {
		quoted, err := strconv.QuotedPrefix(line)
		if err == nil && strings.HasPrefix(line, `"`) {
			word, _ := strconv.Unquote(quoted)
			words = append(words, word)
			line = strings.TrimPrefix(line[len(quoted):], " ")
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		words, line = append(words, word), rest
	}
	return words
}

// settingsOf are the build settings that a rewrite must not change.
func settingsOf(quoted string) []string {
	text, _ := strconv.Unquote(quoted)
	var kept []string
	for line := range strings.SplitSeq(text, "\n") {
		setting, isSetting := strings.CutPrefix(line, "build\t")
		name, _, _ := strings.Cut(setting, "=")
		edited := slices.Contains([]string{"-ldflags", "-gcflags", "-asmflags", "-trimpath", "-pgo"}, name)
		untrimmed := strings.HasPrefix(name, "CGO_") && strings.HasSuffix(name, "FLAGS") // told without -trimpath only
		if isSetting && !edited && !untrimmed {
			kept = append(kept, setting)
		}
	}
	slices.Sort(kept)
	return kept
}

// readLink reads a command line of the linker as the flag package does. It is false
// where the linker would refuse it.
func readLink(args []string) (linked, bool) {
	l := linked{flags: map[string]string{}}
	set := shimtest.ToolFlags("v a asan c d debugnosplit dumpdep f g h linkshared msan n race s w compressdwarf aslr checklinkname bindnow",
		`B E H I L R T V benchmark benchmarkprofile buildid buildmode capturehostobjs cpuprofile debugtextsize
		debugtramp extar extld extldflags fipso funcalign importcfg installsuffix k libgcc linkmode memprofile memprofilerate o
		pluginpath pruneweakmap r randlayout rejectframes strictdups tmpdir`)
	set.Func("X", "", func(s string) error {
		l.sets = append(l.sets, s)
		return nil
	})
	if set.Parse(args) != nil {
		return l, false
	}
	set.Visit(func(f *stdflag.Flag) {
		switch f.Name {
		case "X", "buildid", "importcfg", "v":
		case "extldflags":
			l.hostFlags = f.Value.String()
		case "o":
			l.flags["o"] = filepath.Base(f.Value.String()) // in a folder of that run
		default:
			l.flags[f.Name] = f.Value.String()
		}
	})
	return l, true
}

// stripped tells whether the linker leaves debug information out, other than because
// the go command itself says so: it does with -linkshared (cmd/go/internal/work/init.go).
func (l linked) stripped() bool {
	return l.flags["linkshared"] != "true" && (l.flags["s"] == "true" || l.flags["w"] == "true")
}

// otherFlags are those that a rewrite keeps.
func (l linked) otherFlags() map[string]string {
	flags := maps.Clone(l.flags)
	delete(flags, "s")
	delete(flags, "w")
	return flags
}

// otherHostFlags are the words of -extldflags that surely strip nothing.
func (l linked) otherHostFlags() []string {
	return slices.DeleteFunc(strings.Fields(l.hostFlags), func(w string) bool {
		w = strings.Trim(w, `'"`)
		return strings.HasPrefix(w, "-Wl,") || w == "-Xlinker" || strings.Contains(w, "strip") || strings.EqualFold(w, "-s") || w == ""
	})
}
