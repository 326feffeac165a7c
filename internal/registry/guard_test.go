package registry

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/version"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func TestGuardLetsOnlyAbsentTagsAndOursBeWritten(t *testing.T) {
	tests := []struct {
		name   string
		pushed func(t *testing.T) remote.Taggable // nil: nothing
		reason string                             // "": may be written
	}{
		{"an absent tag", nil, ""},
		{"our image", func(t *testing.T) remote.Taggable { return ours(t, "amd64") }, ""},
		{"our index with an attestation", func(t *testing.T) remote.Taggable { return newIndex(t, ours(t, "amd64"), ours(t, "arm64")) }, ""},
		{"a foreign image", func(t *testing.T) remote.Taggable { return foreign(t, "amd64") }, "lacks the label " + label},
		{"an image without labels", func(t *testing.T) remote.Taggable { return newImage(t, "amd64", nil) }, "lacks the label"},
		{"a foreign index", func(t *testing.T) remote.Taggable { return newIndex(t, foreign(t, "amd64")) }, "lacks the label"},
		{"an index with one foreign platform", func(t *testing.T) remote.Taggable { return newIndex(t, ours(t, "amd64"), foreign(t, "arm64")) }, "(linux/arm64) lacks"},
		{"an index of attestations only", func(t *testing.T) remote.Taggable { return newIndex(t) }, "without images"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			s.push("v1", foreign(t, "amd64"))
			if tt.pushed != nil {
				s.push("v1-debug", tt.pushed(t))
			}
			err := New().Guard(proctest.Context(t), s.ref("v1-debug"))
			var notOurs *NotOursError
			switch {
			case tt.reason == "" && err != nil:
				t.Errorf("may not be written: %v", err)
			case tt.reason != "" && (!errors.As(err, &notOurs) || !strings.Contains(notOurs.Reason, tt.reason)):
				t.Errorf("got %v, want a NotOursError: %s", err, tt.reason)
			case tt.reason != "" && (!strings.Contains(err.Error(), s.ref("v1-debug").String()) || !strings.Contains(err.Error(), "--tag-suffix")):
				t.Errorf("%v does not say which tag, or what to do", err)
			}
		})
	}
}

// TestForceIsForDebugTagsOnly: not for production's, nor where the registry does not answer.
func TestForceIsForDebugTagsOnly(t *testing.T) {
	s := newServer(t)
	s.push("v1-debug", foreign(t, "amd64"))
	err := New(WithProduction(s.ref("v1"))).Guard(proctest.Context(t), s.ref("v1-debug"))
	if err == nil || !strings.Contains(err.Error(), "or overwrite it with --force") {
		t.Errorf("got %v, want --force to be named", err)
	}
	forced := New(WithProduction(s.ref("v1")), WithForce(), fast)
	if err := forced.Guard(proctest.Context(t), s.ref("v1-debug")); err != nil {
		t.Error(err)
	}
	var production *ProductionTagError
	if err := forced.Guard(proctest.Context(t), s.ref("v1")); !errors.As(err, &production) {
		t.Errorf("got %v, want a ProductionTagError", err)
	}
	img := ours(t, "amd64")
	if err := remote.Push(s.name(s.ref("x")).Digest(digestOf(t, img)), img, s.transport()); err != nil {
		t.Fatal(err)
	}
	for tag, want := range map[string]bool{"v1": false, "v1-debug": true} {
		_, err := forced.Move(proctest.Context(t), []Pending{{Ref: s.ref(tag), Digest: digestOf(t, img)}})
		if moved := err == nil && s.resolve(tag) == digestOf(t, img); moved != want {
			t.Errorf("%s was moved: %v, %v", tag, moved, err)
		}
	}
	s.answers(func(w http.ResponseWriter, _ *http.Request) bool {
		denied(w)
		return true
	})
	var failure *Error
	if err := forced.Guard(proctest.Context(t), s.ref("v1-debug")); !errors.As(err, &failure) {
		t.Errorf("got %v, want the registry's answer", err)
	}
}

func TestGuardTakesAnAbsentRepositoryForAnAbsentTag(t *testing.T) {
	if err := New().Guard(proctest.Context(t), newServer(t).ref("v1-debug")); err != nil {
		t.Error(err)
	}
}

func TestGuardTakesABrokenTagForForeign(t *testing.T) {
	s := newServer(t)
	img := ours(t, "amd64")
	s.push("v1-debug", newIndex(t, img))
	s.lacks(digestOf(t, img))
	err := New().Guard(proctest.Context(t), s.ref("v1-debug"))
	var notOurs *NotOursError
	if !errors.As(err, &notOurs) || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("got %v, want a NotOursError that names what is missing", err)
	}
}

func TestGuardRefusesProductionTagsWithoutAsking(t *testing.T) {
	s := newServer(t)
	err := New(WithProduction(s.ref("v1"))).Guard(proctest.Context(t), s.ref("v1"))
	var production *ProductionTagError
	if !errors.As(err, &production) || production.Ref.Key() != s.ref("v1").Key() {
		t.Errorf("got %v, want a ProductionTagError", err)
	}
	if len(s.agents) != 0 {
		t.Errorf("%d requests were made", len(s.agents))
	}
}

func TestRequestsCarryTheUserAgent(t *testing.T) {
	s := newServer(t)
	if err := New().Guard(proctest.Context(t), s.ref("v1-debug")); err != nil {
		t.Fatal(err)
	}
	last := s.agents[len(s.agents)-1]
	if !strings.HasPrefix(last, "dlvgen/"+version.Version()) {
		t.Errorf("user agent %q", last)
	}
}

// denied answers as registries do that want a login.
func denied(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write([]byte(`{"errors":[{"code":"UNAUTHORIZED","message":"authentication\nrequired"}]}`))
}
