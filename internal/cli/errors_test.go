package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
)

type withDetails struct{ error }

func (withDetails) Details() string { return "the log says more\n" }

func TestErrorsAreOneLineThenDetails(t *testing.T) {
	source := &errdefs.Source{
		Info:   &pb.SourceInfo{Filename: "Dockerfile", Data: []byte("FROM golang\nRUN go build\n")},
		Ranges: []*pb.Range{{Start: &pb.Position{Line: 2}, End: &pb.Position{Line: 2}}},
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{errors.New("failed to solve: rpc error: code = Unknown desc = exit code: 1"), "dlvgen: exit code: 1\n"},
		{errors.New("no file a\x1b[2J\u202e\r\nb\r"), "dlvgen: no file a\\x1b[2J\\u202e\nb\n"},
		{errors.New("first\nsecond\nthird\n"), "dlvgen: first\nsecond\nthird\n"},
		{fmt.Errorf("starting: %w", withDetails{errors.New("no")}), "dlvgen: starting: no\nthe log says more\n"},
		{fmt.Errorf("keeping an image: %w", &os.PathError{Op: "write", Path: os.TempDir() + "/image.tar", Err: syscall.ENOSPC}),
			"dlvgen: keeping an image: write " + os.TempDir() + "/image.tar: no space left on device: free space there, or set TMPDIR to a folder that has more\n"},
		{errors.New("rpc error: code = ResourceExhausted desc = write image.tar: no space left on device"), "dlvgen: write image.tar: no space left on device: free space there\n"},
		{errors.New("failed to push: unexpected status from PUT request to https://storage.example/a?X-Amz-Signature=abc: 500"),
			"dlvgen: failed to push: unexpected status from PUT request to https://storage.example/a?X-Amz-Signature=…: 500\n"},
		{errdefs.WithSource(errors.New("failed"), source), "dlvgen: failed\nDockerfile:2\n--------------------\n" +
			"   1 |     FROM golang\n   2 | >>> RUN go build\n   3 |     \n--------------------\n"},
	} {
		var b bytes.Buffer
		printError(&b, test.err)
		if b.String() != test.want {
			t.Errorf("got %q, want %q", b.String(), test.want)
		}
	}
}

func TestExitCodes(t *testing.T) {
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		ctx  context.Context
		args []string
		want int
	}{
		{t.Context(), []string{"version"}, ExitOK},
		{t.Context(), []string{"build", "--none"}, ExitUsage},
		{t.Context(), []string{"build", "--addr", "unix:///none.sock", "/none"}, ExitFailure},
		{interrupted, []string{"build", "/none"}, ExitInterrupted},
	} {
		var out, errs bytes.Buffer
		if got := Run(test.ctx, test.args, strings.NewReader(""), &out, &errs); got != test.want {
			t.Errorf("%q: exit code %d, want %d: %s", test.args, got, test.want, errs.String())
		}
	}
}
