package gocall

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// callFlags are what fuzzed command lines are made of; "L" and "X" are the fuzzer's own
// texts.
var callFlags = [][]string{
	{"-ldflags", "L"}, {"-ldflags=L"}, {"--ldflags=-X main.version=1 L"}, {"-ldflags=-X 'main.version=a b' -s"}, {"-ldflags=all=L"},
	{"-ldflags=-s -w -extldflags '-static -s'"}, {"-ldflags", `"-extldflags=-Wl,-s -static-pie" -linkmode=external -w=true`},
	{"-gcflags", "X"}, {"-gcflags=all=-l=4"}, {"-gcflags=./lib=-m"}, {"-gcflags=-N=false -B"}, {"-asmflags=-trimpath=/x"}, {"-asmflags", "X"},
	{"-tags", "a,b"}, {"-tags=b"}, {"--tags", "X"}, {"-trimpath"}, {"-trimpath=false"}, {"-a"}, {"-v"}, {"-x"}, {"-buildmode=pie"}, {"-buildmode", "exe"},
	{"-buildmode=c-shared"}, {"-o", "x"}, {"-o=out/"}, {"-o", "X"}, {"-pgo=off"}, {"-pgo", "auto"}, {"-pgo=default.pgo"}, {"-mod=mod"}, {"-mod", "readonly"},
	{"-race"}, {"-cover"}, {"-buildvcs=false"}, {"-p", "1"}, {"-installsuffix=y"}, {"-linkshared"}, {"-json"}, {"-C", "lib"},
}

var callPackages = [][]string{
	{}, {"."}, {"./..."}, {"./cmd/b"}, {"./cmd/b", "."}, {"main.go", "tagged.go"}, {"example.com/m/cmd/..."}, {"--", "."}, {"./lib"}, {"X"},
}

// fuzzedCall is a command line and a GOFLAGS.
func fuzzedCall(picks []byte, ldflags, text string) (args []string, goflags string) {
	pick := func(n int) int {
		if len(picks) == 0 {
			return 0
		}
		b := picks[0]
		picks = picks[1:]
		return int(b) % n
	}
	fill := func(words []string) []string {
		words = slices.Clone(words)
		for i, w := range words {
			words[i] = strings.NewReplacer("L", ldflags, "X", text).Replace(w)
			if strings.Contains(w, "-X") {
				words[i] = strings.ReplaceAll(w, "L", ldflags) // the linker's -X
			}
		}
		return words
	}
	args = [][]string{{"build"}, {"install"}, {"test", "-c"}, {"build", "-C", "cmd/b"}}[pick(4)]
	args = slices.Clone(args)
	for range pick(5) {
		args = append(args, fill(callFlags[pick(len(callFlags))])...)
	}
	args = append(args, fill(callPackages[pick(len(callPackages))])...)
	var vars []string
	for range pick(3) {
		words := fill(callFlags[pick(len(callFlags))])
		vars = append(vars, quotedFlag(strings.Join(words, "="), pick(3)))
	}
	if pick(8) == 7 {
		vars = append(vars, text)
	}
	return args, strings.Join(vars, " ")
}

// quotedFlag writes a flag in GOFLAGS, quoted where that is asked for.
func quotedFlag(flag string, quotes int) string {
	return [...]string{flag, "'" + flag + "'", `"` + flag + `"`}[quotes]
}

// FuzzCallsBuildTheSame compares what the real go would do with a call before and
// after it is edited.
func FuzzCallsBuildTheSame(f *testing.F) {
	g := newRealGo(f)
	for i := range 64 {
		picks := make([]byte, 16)
		for n := range picks {
			picks[n] = byte(i*7 + n*(i+13)*11)
		}
		f.Add(picks, []string{"-s -w", "-X main.version=1", `"-X=main.version=a b" -w`, "-extldflags '-static -s'"}[i%4], []string{"a", "b", "x y", ""}[i%3])
	}
	f.Fuzz(func(t *testing.T, picks []byte, ldflags, text string) {
		args, goflags := fuzzedCall(picks, ldflags, text)
		// Nothing is to be run or written, and no argument holds a NUL.
		if all := strings.Join(append(args, goflags), " "); strings.ContainsAny(all, "\x00") || strings.Contains(all, "exec") || strings.Contains(all, "debug-") {
			return
		}
		c, ok := parseCall(args)
		head := args[:1]
		if len(args) > 2 && args[1] == "-C" {
			head = args[:3]
		}
		before, said, accepted := g.print(t, head, args, g.env.With("GOFLAGS", goflags))
		if !accepted {
			return
		}
		if !ok {
			t.Fatalf("%q with GOFLAGS=%s is not understood, and builds", args, goflags)
		}
		m := []Mode{Debug, Optimized}[len(text)%2]
		r, ok := c.Rewrite(m, "/go", goflags, g.minor)
		if !ok {
			if goflagsOf, _ := parseGoflags(goflags, g.minor); append(goflagsOf.flags, c.flags()...).IsOn("n") {
				return
			}
			t.Fatalf("%q with GOFLAGS=%s is not edited, and builds", args, goflags)
		}
		after, answer, accepted := g.print(t, c.head, r.Args, r.Environ(g.env.With("GOFLAGS", goflags)))
		if !accepted {
			t.Fatalf("%q with GOFLAGS=%s became %q with GOFLAGS=%s, which does not build: %s", args, goflags, r.Args, r.Goflags, answer)
		}
		if problem := changed(before, after, m); problem != "" {
			t.Fatalf("%q with GOFLAGS=%s became %q with GOFLAGS=%s: %s\nbefore:\n%safter:\n%s", args, goflags, r.Args, r.Goflags, problem, toolsIn(said), toolsIn(answer))
		}
	})
}

// changed says what a rewrite changed that it must not, or left that it must not.
func changed(before, after printed, m Mode) string {
	switch {
	case len(after.links) != len(before.links):
		return "other programs are linked"
	case !slices.Equal(after.outputs, before.outputs):
		return "the programs are put elsewhere"
	}
	for i, l := range after.links {
		was := before.links[i]
		switch {
		case l.stripped():
			return "the linker strips"
		case !slices.Equal(l.sets, was.sets):
			return "other -X"
		case !maps.Equal(l.otherFlags(), was.otherFlags()):
			return "other linker flags"
		case !slices.Equal(l.otherHostFlags(), was.otherHostFlags()):
			return "other flags for the host's linker"
		case !slices.Equal(l.settings, was.settings):
			return "other settings: tags, linkage or platform"
		}
	}
	for _, words := range after.compiles {
		if m == Debug && (!slices.Contains(words, "-N") || !slices.Contains(words, "-l")) {
			return "a package is optimized"
		}
	}
	if !slices.Equal(filesOf(before), filesOf(after)) {
		return "other files are compiled"
	}
	return ""
}

// toolsIn are the lines with which the compiler and the linker are called.
func toolsIn(printed string) string {
	var b strings.Builder
	for line := range strings.Lines(printed) {
		if strings.Contains(line, "/link ") || strings.Contains(line, "/compile ") && strings.Contains(line, "example.com/m") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// filesOf are the Go files that the compiler is given, once each: with a profile it
// compiles a package for each program.
func filesOf(p printed) []string {
	var files []string
	for _, words := range p.compiles {
		for _, w := range words {
			if strings.HasPrefix(w, "$WORK/") {
				w = path.Base(w) // made in a folder of that run
			}
			if strings.HasSuffix(w, ".go") {
				files = append(files, w)
			}
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}
