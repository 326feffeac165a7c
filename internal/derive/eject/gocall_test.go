package eject

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/shim/gocall"
	"github.com/moby/buildkit/solver/pb"
)

// shellArgs are the arguments of the calls of go that sh makes of a script, and their GOFLAGS.
func shellArgs(t *testing.T, script string) (calls []GoCall) {
	t.Helper()
	dir := t.TempDir()
	const note = "#!/bin/sh\nprintf '%s\\000' \"$GOFLAGS\" \"$@\" >>\"$0.calls\"; printf '\\001' >>\"$0.calls\"\n"
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(note), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(proctest.Context(t), "sh", "-c", script)
	cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "TRIM=-trimpath -v", "STRIP=-s -w -X main.a=b", "V=1 2", "TAGS=a,b", "NONE=", "OUT=/server"}
	cmd.Dir = dir
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", script, err, said)
	}
	text, err := os.ReadFile(filepath.Join(dir, "go.calls"))
	if err != nil {
		t.Fatal(err)
	}
	for one := range strings.SplitSeq(strings.TrimSuffix(string(text), "\x01"), "\x01") {
		words := strings.Split(strings.TrimSuffix(one, "\x00"), "\x00")
		calls = append(calls, GoCall{Args: words[1:], Goflags: words[0]})
	}
	return calls
}

// instructionIn is the RUN instruction of a Dockerfile that has no other.
func instructionIn(t *testing.T, dockerfile string) (*file, *instruction) {
	t.Helper()
	f, err := parse(&pb.Source{Infos: []*pb.SourceInfo{{Data: []byte(dockerfile)}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range f.stages[0].instructions {
		if in.is("run") {
			return f, in
		}
	}
	t.Fatalf("no RUN in %s", dockerfile)
	return nil, nil
}

// edited is the RUN instruction with edits for the calls that sh makes of it.
func editedRun(t *testing.T, run string) (text string, before []GoCall, err error) {
	t.Helper()
	f, in := instructionIn(t, "FROM golang\n"+run+"\nCMD after\n")
	script := f.scriptOf(in)
	for _, call := range shellArgs(t, script.text) {
		call.Args = gocall.RedactArgs(call.Args)
		before = append(before, call)
	}
	calls, _ := visibleCalls(script)
	var edits []edit
	done := map[int]bool{}
	for _, call := range before {
		i := slices.IndexFunc(calls, func(v visibleCall) bool { _, ok := v.matches(call); return ok })
		if i < 0 {
			t.Fatalf("%s: no call is %q", run, call.Args)
		}
		if done[i] {
			continue
		}
		given, _ := calls[i].matches(call)
		list, err := calls[i].edits(given, call.Goflags, 26, false)
		if err != nil {
			return "", before, err
		}
		edits, done[i] = append(edits, list...), true
	}
	return strings.Join(f.apply(in, script, edits), "\n"), before, nil
}

// TestCallsAreEdited has what people write in RUN instructions. sh reads each before and
// after: all flags but those that prevent debugging are the same.
func TestCallsAreEdited(t *testing.T) {
	const g = ` -gcflags='all=-N -l'`
	for run, want := range map[string]string{
		`RUN go build -o /server .`: `RUN go build` + g + ` -o /server .`,
		`run CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /server .`:                                                                     `run CGO_ENABLED=0 go build` + g + ` -o /server .`,
		"RUN --network=none cd . && \\\n  # why\n  go build \\\n    -trimpath \\\n    -ldflags='-w -s -X \"main.a=b c\"' \\\n\n    -o /server .": "RUN --network=none cd . && \\\n  # why\n  go build" + g + " \\\n    -ldflags='-X \"main.a=b c\"' \\\n\n    -o /server .",
		`RUN go install -v \` + "\n    -trimpath":                                                                                                `RUN go install` + g + ` -v`,
		`RUN go build -ldflags "-s -w -X main.a=${V}" ./cmd/app`:                                                                                 `RUN go build` + g + ` -ldflags "-X main.a=${V}" ./cmd/app`,
		`RUN go build -ldflags="-X main.a=$(echo 1) -s -w" .`:                                                                                    `RUN go build` + g + ` -ldflags="-X main.a=$(echo 1) -s -w"" -s=false -w=false" .`,
		`RUN go build -ldflags="$STRIP" .`:                                                                                                       `RUN go build` + g + ` -ldflags="$STRIP -s=false -w=false" .`,
		`RUN go build -ldflags="-X 'main.a=\"${V}\"' -s" .`:                                                                                      `RUN go build` + g + ` -ldflags="-X 'main.a=\"${V}\"'" .`,
		`RUN go build -ldflags='-s -X main.a='"$V" .`:                                                                                            `RUN go build` + g + ` -ldflags='-s -X main.a='"$V"" -s=false -w=false" .`,
		`RUN go build -ldflags=-s .`:                                                                                                             `RUN go build` + g + ` .`,
		`RUN go build -ldflags -w -tags $TAGS .`:                                                                                                 `RUN go build` + g + ` -tags $TAGS .`,
		`RUN go build "-ldflags=-s -w -extldflags '-static -s'" .`:                                                                               `RUN go build` + g + ` "-ldflags=-extldflags '-static'" .`,
		`RUN go build $TRIM -o $OUT .`:                                                                                                           `RUN go build $TRIM` + g + ` -trimpath=false -o $OUT .`,
		`RUN go build $NONE -o "$OUT" .`:                                                                                                         `RUN go build` + g + ` $NONE -o "$OUT" .`,
		`RUN GOFLAGS=-trimpath go build -o /server .`:                                                                                            `RUN GOFLAGS=-trimpath go build` + g + ` -trimpath=false -o /server .`,
		`RUN GOFLAGS="'-ldflags=-s -w'" go build .`:                                                                                              `RUN GOFLAGS="'-ldflags=-s -w'" go build -ldflags=` + g + ` .`,
		`RUN go build -gcflags="all=-m" -gcflags -l -trimpath=true .`:                                                                            `RUN go build` + g + ` .`,
		`RUN for a in one two; do go build -o /bin/$a ./cmd/$a; done`:                                                                            `RUN for a in one two; do go build` + g + ` -o /bin/$a ./cmd/$a; done`,
		"RUN <<EOF\nset -e\ngo build \\\n  -trimpath -o /server .\nEOF":                                                                          "RUN <<EOF\nset -e\ngo build" + g + " \\\n  -o /server .\nEOF",
		"RUN <<-'EOF'\n\tgo build -o /a . # -s\n\tgo build -o /b . && echo é\nEOF":                                                               "RUN <<-'EOF'\n\tgo build" + g + " -o /a . # -s\n\tgo build" + g + " -o /b . && echo é\nEOF",
		"RUN cat <<EOF >/dev/null && go build -ldflags=\"-s\" .\ngo build -trimpath\nEOF":                                                        "RUN cat <<EOF >/dev/null && go build" + g + " .\ngo build -trimpath\nEOF",
	} {
		got, before, err := editedRun(t, run)
		if err != nil || got != want {
			t.Errorf("%s\n got %s, %v\nwant %s", run, got, err, want)
			continue
		}
		f, in := instructionIn(t, "FROM golang\n"+got+"\nCMD after\n")
		if last := f.stages[0].instructions; len(last) != 2 || last[1].Original != "CMD after" {
			t.Errorf("%s: what follows is part of it", got)
		}
		after := shellArgs(t, f.scriptOf(in).text)
		if len(after) != len(before) {
			t.Fatalf("%s: %d calls, before %d", got, len(after), len(before))
		}
		for i, call := range after {
			checkDebuggable(t, got, before[i], call)
		}
	}
}

// checkDebuggable reads two calls as the go command does.
func checkDebuggable(t *testing.T, run string, before, after GoCall) {
	t.Helper()
	was, is := flagsOf(before.Args[1:], before.Goflags, 26), flagsOf(after.Args[1:], after.Goflags, 26)
	if is.Last("gcflags") != "all=-N -l" || is.IsOn("trimpath") {
		t.Errorf("%s: called with %q", run, after.Args)
	}
	flags := is.Last("ldflags")
	if strips(flags) && !strings.HasSuffix(flags, noStrip) {
		t.Errorf("%s: strips by %q", run, flags)
	}
	if strings.Count(flags, "-X") != strings.Count(was.Last("ldflags"), "-X") {
		t.Errorf("%s: links %q, before %q", run, flags, was.Last("ldflags"))
	}
	for _, name := range []string{"o", "tags"} {
		if is.Last(name) != was.Last(name) {
			t.Errorf("%s: -%s is %q, was %q", run, name, is.Last(name), was.Last(name))
		}
	}
	packages := func(c GoCall) []string {
		cut, _ := gocall.Cut(c.Args)
		call, _ := gocall.Parse(cut)
		return call.Packages
	}
	if p, q := packages(before), packages(after); !slices.Equal(p, q) {
		t.Errorf("%s: compiles %q, was %q", run, q, p)
	}
}

func TestCallsThatCannotBeEdited(t *testing.T) {
	for run, want := range map[string]string{
		`RUN FLAGS=-ldflags=-s; go build $FLAGS .`:              "come from a variable",
		`RUN GOFLAGS="'-ldflags=-s -X main.a=b'" go build -v .`: "come from GOFLAGS",
	} {
		if _, _, err := editedRun(t, run); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", run, err, want)
		}
	}
}
