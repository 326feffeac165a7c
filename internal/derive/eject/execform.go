package eject

import (
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shell"
	"github.com/dlvgen/dlvgen/internal/shim/gocall"
)

// editExec edits a RUN instruction in the exec form, of which every word is known. It is false
// where that is not the call, or cannot be edited.
func (r *renderer) editExec(in *instruction, call GoCall) bool {
	var words []string
	for n := in.Next; n != nil; n = n.Next {
		words = append(words, n.Value)
	}
	is := shell.CallOf(words)
	if !is.IsGo() || !slices.Equal(gocall.RedactArgs(is.Args), call.Args) {
		return false
	}
	cut, ok := gocall.Cut(is.Args)
	if !ok {
		return false
	}
	build, ok := gocall.Parse(cut)
	settings := flagsOf(nil, call.Goflags, r.goMinor())
	if !ok || cut.Subcommand == "test" || strips(settings.Last("ldflags")) {
		return false
	}
	mode, extra := gocall.Debug, []string(nil)
	if r.Plan.Request.Optimize {
		mode = gocall.Optimized
	} else if settings.IsOn("trimpath") {
		extra = []string{noTrimpath}
	}
	rewrite, ok := build.Rewrite(mode, "", "", r.goMinor())
	if !ok {
		return false
	}
	edited, err := list(slices.Concat(is.Launchers, []string{is.Program}, rewrite.Args[:1], extra, rewrite.Args[1:]))
	if err != nil {
		return false
	}
	t, _ := r.file.joined(in)
	r.file.insert(in.StartLine, editedMark)
	r.file.replace(in.StartLine, in.EndLine, t.text[:strings.LastIndexByte(t.text, '[')]+edited)
	return true
}
