package derive

import (
	"errors"

	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/util/grpcerrors"
	digest "github.com/opencontainers/go-digest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// hinted adds to the failure of a step what it may have to do with dlvgen: a later
// step that production passes can stumble over what a program for debugging is.
func (c *instrumenter) hinted(err error) error {
	var vertex *errdefs.VertexError
	if !errors.As(err, &vertex) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.builds {
		if b.LooksAtSize(digest.Digest(vertex.Digest)) {
			return &hintedError{cause: err, hint: sizeHint}
		}
	}
	return err
}

// sizeHint is for steps that check how large a program is.
const sizeHint = "the step looks at the size of a file, and a program compiled for debugging is larger than production's: " +
	"make the limit a build argument (ARG), and raise it with --build-arg"

// hintedError is a step's failure, with a hint behind its message. A plain wrapper's
// text would be lost on the way through BuildKit, which sends the status of a remote
// error as it came (grpcerrors.ToGRPC).
type hintedError struct {
	cause error
	hint  string
}

func (e *hintedError) Error() string { return e.cause.Error() + "; " + e.hint }

func (e *hintedError) Unwrap() error { return e.cause }

// GRPCStatus is the cause's status with the whole message.
func (e *hintedError) GRPCStatus() *status.Status {
	st, ok := grpcerrors.AsGRPCStatus(e.cause)
	if !ok || st == nil {
		return status.New(codes.Unknown, e.Error())
	}
	pb := st.Proto()
	pb.Message = e.Error()
	return status.FromProto(pb)
}
