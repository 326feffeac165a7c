package bake

import (
	"context"
	"errors"
	"strings"
)

// isSpurious reports an error that hides another: where one step fails in two builds,
// or has one input in two of its mounts, BuildKit v0.34.2 releases the step's results
// twice, and answers with an error about that (frontend/gateway/gateway.go,
// registerResultIDsLocked).
func isSpurious(err error) bool {
	return strings.Contains(err.Error(), "releasing already released reference")
}

// isCancelled reports the error of a build that ended because another failed.
func isCancelled(err error) bool {
	return errors.Is(err, context.Canceled) || strings.Contains(err.Error(), context.Canceled.Error())
}

// cause is the error of several builds that tells most, nil where all are nil.
// failedStep is what the progress told, nil where no step failed.
func cause(errs []error, failedStep error) error {
	var rest error
	for _, err := range errs {
		switch {
		case err == nil:
		case !isSpurious(err) && !isCancelled(err):
			return err
		case rest == nil:
			rest = err
		}
	}
	if rest != nil && failedStep != nil {
		return failedStep
	}
	return rest
}
