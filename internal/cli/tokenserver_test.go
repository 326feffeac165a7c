//go:build !race

package cli_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/go-jose/go-jose/v4"
)

// tokenUses is how often a token is good: behind that it has expired.
const tokenUses = 3

// account is one that the token server knows, with what it may do to any repository.
type account struct {
	password string
	may      []string
}

// tokenServer is Distribution's registry, which takes the tokens of a key, and the server that
// gives them to accounts.
type tokenServer struct {
	host     string
	accounts map[string]account
	signer   jose.Signer

	mu      sync.Mutex
	uses    map[string]int
	twins   map[string]string // the same token, expired
	expired int               // requests with one
	granted map[string]bool   // ACTION REPOSITORY
}

// startTokenServer starts both.
func startTokenServer(t *testing.T, accounts map[string]account) *tokenServer {
	t.Helper()
	s := &tokenServer{accounts: accounts, uses: map[string]int{}, twins: map[string]string{}, granted: map[string]bool{}}
	front := httptest.NewUnstartedServer(nil)
	s.host = front.Listener.Addr().String()
	inner := testenv.Distribution3.Start(t, testenv.DistributionOptions{Config: fmt.Sprintf(
		"auth: {token: {realm: %q, service: registry, issuer: test, jwks: %q}}\n", "http://"+s.host+"/token", s.key(t))})
	silent := log.New(io.Discard, "", 0)
	proxy := &httputil.ReverseProxy{ErrorLog: silent, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: inner})
		r.Out.Host = r.In.Host
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /token", s.token)
	mux.HandleFunc("/v2/", func(w http.ResponseWriter, r *http.Request) {
		s.age(r)
		proxy.ServeHTTP(w, r)
	})
	front.Config.Handler = mux
	front.Start()
	t.Cleanup(front.Close)
	return s
}

// key makes the key of the tokens, and a file with what the registry has of it.
func (s *tokenServer) key(t *testing.T) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: "test"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private.Public(), KeyID: "test", Algorithm: "ES256", Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, set, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// access is an entry of a token, as the registry reads it.
type access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// token gives an account what it may of what it asks for.
func (s *tokenServer) token(w http.ResponseWriter, r *http.Request) {
	name, password, _ := r.BasicAuth()
	who, known := s.accounts[name]
	if !known || who.password != password {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}`)
		return
	}
	var all []access
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, scope := range strings.Fields(strings.Join(r.URL.Query()["scope"], " ")) {
		parts := strings.SplitN(scope, ":", 3)
		one := access{Type: parts[0], Name: parts[1]}
		for action := range strings.SplitSeq(parts[2], ",") {
			if slices.Contains(who.may, action) {
				one.Actions = append(one.Actions, action)
				s.granted[action+" "+one.Name] = true
			}
		}
		all = append(all, one)
	}
	token, err := s.sign(name, all, time.Now().Add(time.Hour))
	twin, twinErr := s.sign(name, all, time.Now().Add(-time.Hour))
	if err != nil || twinErr != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	s.twins[token] = twin
	_ = json.NewEncoder(w).Encode(map[string]any{"token": token, "expires_in": 3600})
}

func (s *tokenServer) sign(name string, all []access, until time.Time) (string, error) {
	id := rand.Text()
	text, err := json.Marshal(map[string]any{
		"iss": "test", "aud": "registry", "sub": name, "exp": until.Unix(), "nbf": until.Add(-2 * time.Hour).Unix(), "jti": id, "access": all,
	})
	if err != nil {
		return "", err
	}
	signed, err := s.signer.Sign(text)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// age lets a token expire that was used often enough.
func (s *tokenServer) age(r *http.Request) {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	// What the test does itself sends no body anew.
	if strings.HasPrefix(r.UserAgent(), "go-containerregistry") || !bearer || s.twins[token] == "" {
		return
	}
	if s.uses[token]++; s.uses[token] <= tokenUses {
		return
	}
	s.expired++
	r.Header.Set("Authorization", "Bearer "+s.twins[token])
}

// sawExpired is how many requests had an expired token since it was asked the last time.
func (s *tokenServer) sawExpired() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.expired
	s.expired = 0
	return n
}

// leaks is what of the secrets is in a text, "" for nothing.
func (s *tokenServer) leaks(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, a := range s.accounts {
		if strings.Contains(text, a.password) {
			return "the password of " + name
		}
	}
	for token, twin := range s.twins {
		if strings.Contains(text, token) || strings.Contains(text, twin) {
			return "a token"
		}
	}
	return ""
}
