package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/derive/page"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/internal/session"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/moby/buildkit/solver/errdefs"
)

// noise is what gRPC and BuildKit's client put in front of a message.
var noise = regexp.MustCompile(`rpc error: code = \w+ desc = |failed to solve: |failed to run Build function: `)

// detailed is an error that has more to say than its one line.
type detailed interface {
	error
	Details() string
}

// printError prints what failed on one line, then what is known beyond it: the
// lines of the Dockerfile, and the error's own details.
func printError(w io.Writer, err error) {
	var b bytes.Buffer
	line, rest := reason(err)
	_, _ = fmt.Fprintf(&b, "dlvgen: %s\n", line)
	if rest = strings.TrimSpace(rest); rest != "" {
		_, _ = fmt.Fprintln(&b, rest)
	}
	for _, source := range errdefs.Sources(err) {
		_ = source.Print(&b)
	}
	var refusal *derive.RefusalError
	var more detailed
	switch {
	case errors.As(err, &refusal):
		page.WriteAnalysis(&b, refusal.Explanation)
	case errors.As(err, &more):
		if details := strings.TrimSpace(more.Details()); details != "" {
			_, _ = fmt.Fprintln(&b, details)
		}
	}
	_, _ = io.WriteString(w, visible.Lines(b.String()))
}

// reason is what an error says on one line, and the rest. It has no passwords.
func reason(err error) (line, rest string) {
	text := registry.Redact(strings.TrimSpace(noise.ReplaceAllString(err.Error(), "")))
	line, rest, _ = strings.Cut(text, "\n")
	return line + spaceAdvice(err), rest
}

// spaceAdvice is what to do where a disk is full that is no registry's.
func spaceAdvice(err error) string {
	var file *fs.PathError
	var of *registry.Error
	switch {
	case errors.As(err, &of), !strings.Contains(err.Error(), syscall.ENOSPC.Error()):
		return ""
	case !errors.Is(err, syscall.ENOSPC): // the builder says so
		return ": free space there"
	case errors.As(err, &file) && strings.HasPrefix(file.Path, os.TempDir()):
		return ": free space there, or set TMPDIR to a folder that has more"
	}
	return ": free space there, or choose another destination"
}

// interrupted says what an interrupted call leaves behind that nobody would expect.
func interrupted(err error) string {
	var move *registry.MoveError
	if errors.As(err, &move) && (len(move.Moved) > 0 || move.Unknown) {
		return "interrupted: " + visible.Line(err.Error())
	}
	var left *session.LeftError
	if errors.As(err, &left) {
		return "interrupted: " + visible.Line(left.Error())
	}
	return "interrupted"
}

func printUsageError(w io.Writer, err *usageError) {
	_, _ = fmt.Fprintf(w, "dlvgen: %s\nRun `%s --help` for usage.\n", visible.Lines(err.Error()), err.cmd)
}
