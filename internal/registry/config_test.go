package registry

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/google/go-cmp/cmp"
)

func TestLabelsAreThoseOfTheFirstImageThatIsOurs(t *testing.T) {
	s := newServer(t)
	theirs, mine := foreign(t, "arm64"), ours(t, "amd64")
	s.push("single", mine)
	s.push("index", newIndex(t, theirs, mine))
	s.push("foreign", newIndex(t, theirs))
	s.push("empty", newIndex(t))
	own := map[string]string{label: "1.0.0", "variant": "amd64"}
	for _, test := range []struct {
		tag, digest string
		want        map[string]string
		problem     string
	}{
		{"single", "", own, ""},
		{"index", "", own, ""},
		{"foreign", "", map[string]string{"maintainer": "somebody"}, ""},
		// The digest counts, whatever the tag names.
		{"absent", digestOf(t, mine), own, ""},
		{"single", digestOf(t, theirs), map[string]string{"maintainer": "somebody"}, ""},
		{"empty", "", nil, "an index without images"},
		{"absent", "", nil, "has no such image"},
	} {
		got, err := New().Labels(proctest.Context(t), s.ref(test.tag), test.digest)
		if test.problem != "" {
			if err == nil || !strings.Contains(err.Error(), test.problem) {
				t.Errorf("%s: got %v, want %q", test.tag, err, test.problem)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.tag, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", test.tag, test.digest, diff)
		}
	}
}

func TestLabelsOfARegistryThatFails(t *testing.T) {
	s := newServer(t)
	s.answers(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	_, err := New(fast).Labels(proctest.Context(t), s.ref("v1"), "")
	var failure *Error
	if !errors.As(err, &failure) || !strings.Contains(err.Error(), "docker login") {
		t.Errorf("got %v, want the registry's refusal", err)
	}
}
