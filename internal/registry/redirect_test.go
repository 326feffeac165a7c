package registry

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// TestARegistryHasNothingWrittenOrDeletedInAnother: some are open to whoever reaches them.
func TestARegistryHasNothingWrittenOrDeletedInAnother(t *testing.T) {
	s, victim := newServer(t), newServer(t)
	production := foreign(t, "amd64")
	victim.put("team/app:v1", production)
	s.publish("v0-debug", "remote", "v0", derived(t, "remote", "amd64", s.ref("v0").String()))
	left := s.leftovers("v0-debug v0 gone")
	debug := derived(t, "remote", "amd64", "")
	s.put("team/app:x", debug)
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet || r.Method == http.MethodHead || !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		http.Redirect(w, r, victim.URL+"/v2/team/app/manifests/v1", http.StatusTemporaryRedirect)
		return true
	})
	err := New(fast).Delete(proctest.Context(t), s.ref("x"), left[0])
	if err == nil || !strings.Contains(err.Error(), "to another registry") {
		t.Errorf("deleting: got %v", err)
	}
	_, err = New(fast).Move(proctest.Context(t), []Pending{{Ref: s.ref("v2-debug"), Digest: digestOf(t, debug)}})
	if err == nil || !strings.Contains(err.Error(), "to another registry") {
		t.Errorf("moving: got %v", err)
	}
	if got := victim.resolve("v1"); got != digestOf(t, production) {
		t.Errorf("the other registry's tag names %q", got)
	}
}
