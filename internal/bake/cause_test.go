package bake

import (
	"context"
	"errors"
	"testing"
)

func TestTheErrorThatTellsMostIsShown(t *testing.T) {
	exit := errors.New(`process "go build" did not complete successfully: exit code: 1`)
	spurious := errors.New("failed to solve: releasing already released reference abc")
	step := errors.New("[build 2/2] RUN go build: exit code: 1")
	for _, test := range []struct {
		name   string
		errs   []error
		failed error
		want   error
	}{
		{"none", []error{nil, nil}, nil, nil},
		{"the real one after the others", []error{spurious, context.Canceled, exit}, step, exit},
		{"only what hides it", []error{spurious, context.Canceled}, step, step},
		{"no step failed", []error{nil, context.Canceled}, nil, context.Canceled},
	} {
		if got := cause(test.errs, test.failed); !errors.Is(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}
