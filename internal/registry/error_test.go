package registry

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/google/go-containerregistry/pkg/authn"
)

// login is a keychain with one account.
type login struct{ user, password string }

func (l login) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: l.user, Password: l.password}, nil
}

func status(code int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(code)
		return true
	}
}

func TestFailuresOfTheRegistryAreOneLineWithAdvice(t *testing.T) {
	tests := []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request) bool
		says   []string
	}{
		{"login required", func(w http.ResponseWriter, _ *http.Request) bool { denied(w); return true }, []string{"refused access (401", "UNAUTHORIZED", "docker login HOST"}},
		{"forbidden", status(http.StatusForbidden), []string{"refused access (403", "docker login HOST"}},
		{"too many requests", status(http.StatusTooManyRequests), []string{"limits the rate", "429", "wait"}},
		{"unavailable", status(http.StatusServiceUnavailable), []string{"failed (503", "later"}},
		{"a page instead of an API", func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte("<html>\n<body>"))
			return true
		}, []string{"answered (400 Bad Request)"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			s.answers(tt.answer)
			client := New(WithKeychain(authn.NewMultiKeychain()), fast)
			verify := client.Verify(proctest.Context(t), s.ref("x"), "sha256:"+strings.Repeat("0", 64))
			for _, err := range []error{client.Guard(proctest.Context(t), s.ref("v1-debug")), verify} {
				checkError(t, s, err, tt.says)
			}
		})
	}
}

func checkError(t *testing.T, s *server, err error, says []string) {
	t.Helper()
	var failure *Error
	if !errors.As(err, &failure) {
		t.Errorf("got %v, want an Error of the registry", err)
		return
	}
	host := s.ref("x").Host()
	if failure.Host != host || strings.Contains(err.Error(), "\n") {
		t.Errorf("host %s, or more than one line: %q", failure.Host, err)
	}
	for _, part := range says {
		if part = strings.ReplaceAll(part, "HOST", host); !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
}

func TestARegistryThatIsDownIsNamed(t *testing.T) {
	s := newServer(t)
	s.Close()
	err := New().Guard(proctest.Context(t), s.ref("v1-debug"))
	checkError(t, s, err, []string{"registry HOST cannot be reached: connection refused"})
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the cause is lost: %v", err)
	}
}

func TestACancelledCallStaysRecognisable(t *testing.T) {
	ctx, cancel := context.WithCancel(proctest.Context(t))
	cancel()
	if err := New().Guard(ctx, newServer(t).ref("v1-debug")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestTemporaryFailuresAreRetried(t *testing.T) {
	s := newServer(t)
	s.push("v1-debug", foreign(t, "amd64"))
	var left atomic.Int32
	left.Store(2)
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/manifests/") || left.Add(-1) < 0 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	var notOurs *NotOursError
	if err := New(fast).Guard(proctest.Context(t), s.ref("v1-debug")); !errors.As(err, &notOurs) {
		t.Errorf("got %v, want what the third answer says", err)
	}
}

func TestCredentialsComeFromTheKeychain(t *testing.T) {
	s := newServer(t)
	img := ours(t, "amd64")
	s.push("pushed", img)
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		user, password, _ := r.BasicAuth()
		if user == "me" && password == "secret" {
			return false
		}
		denied(w)
		return true
	})
	pending := []Pending{{Ref: s.ref("v1-debug"), Digest: digestOf(t, img)}}
	if _, err := New(WithKeychain(login{"me", "secret"})).Move(proctest.Context(t), pending); err != nil {
		t.Error(err)
	}
	_, err := New(WithKeychain(login{"me", "wrong"})).Move(proctest.Context(t), pending)
	checkError(t, s, err, []string{"docker login HOST"})
	if err != nil && strings.Contains(err.Error(), "wrong") {
		t.Errorf("the password is in the error: %v", err)
	}
}

func TestUnverifiableCertificatesAreTakenOnlyIfInsecure(t *testing.T) {
	secure := httptest.NewUnstartedServer(newServer(t).Config.Handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	ref := Reference{host: secure.Listener.Addr().String(), path: "team/app", tag: "v1-debug"}
	if err := New(WithInsecure(ref.Host())).Guard(proctest.Context(t), ref); err != nil {
		t.Errorf("insecure: %v", err)
	}
	var failure *Error
	if err := New().Guard(proctest.Context(t), ref); !errors.As(err, &failure) {
		t.Errorf("secure: got %v, want an Error", err)
	}

	// Registries on the loopback interface fall back to HTTP, others do not.
	request, err := http.NewRequestWithContext(proctest.Context(t), http.MethodGet, secure.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err == nil {
		_ = response.Body.Close()
		t.Fatal("the certificate was taken")
	}
	if err = explain("reading x", "registry.example", err); !strings.Contains(err.Error(), "certificate that cannot be verified") {
		t.Errorf("got %v, want a line on the certificate", err)
	}
}

func TestNetworkErrorsAreWorded(t *testing.T) {
	tests := []struct {
		err  error
		says string
	}{
		{http.ErrSchemeMismatch, "allow it as insecure"},
		{context.DeadlineExceeded, "did not answer in time"},
		{errors.New("two\nlines"), "could not be used: two lines"},
	}
	for _, tt := range tests {
		err := explain("reading x", "registry.example", tt.err)
		if !strings.Contains(err.Error(), tt.says) || !errors.Is(err, tt.err) {
			t.Errorf("%v, want %q", err, tt.says)
		}
	}
	if explain("reading x", "registry.example", nil) != nil {
		t.Error("no error was explained")
	}
}
