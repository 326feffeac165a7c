package registry

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/google/go-containerregistry/pkg/authn"
)

// What a token server answers may be a token, under another name.
func TestWhatATokenServerAnswersIsNotPrinted(t *testing.T) {
	s := newServer(t)
	answer := ""
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			_, _ = fmt.Fprint(w, answer)
			return true
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer realm=%q,service=registry", s.URL+"/token"))
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	client := New(WithKeychain(login{"me", "secret"}), fast)
	for _, answer = range []string{`{"jwt": "secret"}`, `secret`, `{"token": 1, "secret": 2}`, `["secret"]`, ``} {
		err := client.Guard(proctest.Context(t), s.ref("v1-debug"))
		checkError(t, s, err, []string{"registry HOST could not be"})
		if strings.Contains(fmt.Sprint(err), "secret") {
			t.Errorf("it was printed: %v", err)
		}
	}
}

// ofRegistries is a keychain that knows registries and fails for repositories, like helpers
// whose authors expected docker's questions.
type ofRegistries struct{ login }

func (k ofRegistries) Resolve(target authn.Resource) (authn.Authenticator, error) {
	if target.String() != target.RegistryStr() {
		return nil, fmt.Errorf("error getting credentials - err: exit status 1, out: `secret`")
	}
	return k.login.Resolve(target)
}

func TestHelpersNeedNotKnowRepositories(t *testing.T) {
	s := newServer(t)
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if _, password, _ := r.BasicAuth(); password == "secret" {
			return false
		}
		denied(w)
		return true
	})
	if err := New(WithKeychain(ofRegistries{login{"me", "secret"}})).Guard(proctest.Context(t), s.ref("v1-debug")); err != nil {
		t.Error(err)
	}
}
