package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// limits answers requests for manifests with 429, as often as it is told to.
func limits(times int32, header ...string) func(http.ResponseWriter, *http.Request) bool {
	var left atomic.Int32
	left.Store(times)
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/manifests/") || left.Add(-1) < 0 {
			return false
		}
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
}

func TestARegistryThatLimitsRequestsIsAskedWhenItSays(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) // by the registry's clock
	for name, header := range map[string][]string{
		"seconds": {"Retry-After", "1"},
		"a date":  {"Retry-After", now.Add(time.Second).Format(http.TimeFormat), "Date", now.Format(http.TimeFormat)},
		"a past":  {"Retry-After", now.Add(-time.Hour).Format(http.TimeFormat), "Date", now.Format(http.TimeFormat)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.answers(limits(1, header...))
			told := make(chan string, 10)
			c := New(WithPatience(&patience.Patience{Tell: func(line string) { told <- line }}), fast)
			begun := time.Now()
			if err := c.Guard(proctest.Context(t), s.ref("v1-debug")); err != nil {
				t.Fatal(err)
			}
			want := "registry " + s.ref("x").Host() + " limits the rate of requests: trying again in 1s"
			switch waited := time.Since(begun); {
			case name == "a past":
				if len(told) > 0 {
					t.Errorf("told %q", <-told)
				}
			case waited < time.Second, len(told) == 0:
				t.Errorf("waited for %s, told %d lines", waited, len(told))
			default:
				if line := <-told; line != want {
					t.Errorf("told %q, want %q", line, want)
				}
			}
		})
	}
}

func TestARegistryThatWantsToBeLeftAloneForLongIsNotWaitedFor(t *testing.T) {
	s := newServer(t)
	for after, says := range map[string]string{"3600": "to be tried again in 1h0m0s): wait, or log in", "": "429 Too Many Requests): wait, or log in"} {
		s.answers(limits(100, "Retry-After", after))
		checkError(t, s, New(fast).Guard(proctest.Context(t), s.ref("v1-debug")), []string{"registry HOST limits the rate of requests (", says})
	}
	s.answers(limits(100, "Retry-After", "0")) // for ever
	if err := New(fast).Guard(proctest.Context(t), s.ref("v1-debug")); err == nil {
		t.Error("no error")
	}
	s.answers(limits(100, "Retry-After", "20"))
	ctx, cancel := context.WithCancel(proctest.Context(t))
	err := New(WithPatience(&patience.Patience{Tell: func(string) { cancel() }})).Guard(ctx, s.ref("v1-debug"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// TestALayerThatBreaksOffIsResumed reads a layer of which each answer has a part only.
func TestALayerThatBreaksOffIsResumed(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 20<<10)
	const part = 100 << 10
	for name, ranges := range map[string]bool{"of ranges": true, "of wholes": false} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			host := serve(t, func(w http.ResponseWriter, r *http.Request) {
				at, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-"))
				end := min(part*int(asked.Add(1)), len(content))
				if at > 0 && ranges {
					w.Header().Set("Content-Range", "bytes "+strconv.Itoa(at)+"-"+strconv.Itoa(len(content)-1)+"/"+strconv.Itoa(len(content)))
					w.Header().Set("Content-Length", strconv.Itoa(len(content)-at))
					w.WriteHeader(http.StatusPartialContent)
					_, _ = w.Write(content[at:end])
				} else {
					w.Header().Set("Content-Length", strconv.Itoa(len(content)))
					_, _ = w.Write(content[:end])
				}
				_ = http.NewResponseController(w).Flush()
				if end < len(content) {
					panic(http.ErrAbortHandler)
				}
			})
			fastOnes := New(fast)
			request, err := http.NewRequestWithContext(proctest.Context(t), http.MethodGet, "http://"+host+"/v2/app/blobs/sha256:0", nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := fastOnes.safe.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("read %d bytes of %d, equal: %t, %v", len(got), len(content), bytes.Equal(got, content), err)
			}
			if n := asked.Load(); n != 4 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestWhatARegistryAnswersToAWriteIsWorded(t *testing.T) {
	tests := []struct {
		name, body string
		code       int
		exists     bool
		says       string
	}{
		{"Amazon ECR", `{"errors":[{"code":"TAG_INVALID","message":"The image tag 'v1-debug' already exists in the 'app' repository and cannot be overwritten because the tag is immutable."}]}`, 400, true, "lets nobody write over it: build with a new production tag or choose another --tag-suffix"},
		{"Harbor", `{"errors":[{"code":"PRECONDITION","message":"Failed to process request due to 'app:v1-debug' configured as immutable."}]}`, 412, true, "lets nobody write over it"},
		{"Quay", "", 409, true, "lets nobody write over it"},
		{"a protected tag", `{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}`, 403, true, "refused access (403 Forbidden, DENIED: requested access to the resource is denied): the tag exists, and may be protected"},
		{"no right to push", `{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}`, 403, false, "docker login"},
		{"a full disk", "", 507, false, "has no space left (507 Insufficient Storage): free space"},
		{"a full disk of Distribution", `{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":{"DriverName":"filesystem","Enclosed":{"Op":"mkdir","Path":"/var/lib/registry","Err":28}}}]}`, 500, false, "has no space left (500 Internal Server Error, UNKNOWN: unknown error): free space"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			img := ours(t, "amd64")
			s.push("pushed", img)
			if tt.exists {
				s.push("v1-debug", ours(t, "amd64"))
			}
			before := s.resolve("v1-debug")
			s.answers(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/v1-debug") {
					return false
				}
				w.WriteHeader(tt.code)
				_, _ = io.WriteString(w, tt.body)
				return true
			})
			_, err := New(fast).Move(proctest.Context(t), []Pending{{Ref: s.ref("v1-debug"), Digest: digestOf(t, img)}})
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "(no tag was moved)") || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %q", err, tt.says)
			}
			if now := s.resolve("v1-debug"); now != before {
				t.Errorf("the tag names %s", now)
			}
		})
	}
}

// TestAnImmutableTagThatNamesTheImageIsNotWritten publishes once more what is there.
func TestAnImmutableTagThatNamesTheImageIsNotWritten(t *testing.T) {
	s := newServer(t)
	img := ours(t, "amd64")
	s.push("v1-debug", img)
	s.answers(nil)
	if _, err := New().Move(proctest.Context(t), []Pending{{Ref: s.ref("v1-debug"), Digest: digestOf(t, img)}}); err != nil {
		t.Error(err)
	}
	if written := s.written(); len(written) > 0 {
		t.Errorf("written: %q", written)
	}
}

func TestAnAnswerToAWriteIsNotReadForEver(t *testing.T) {
	s := newServer(t)
	img := ours(t, "amd64")
	s.push("pushed", img)
	inner := s.Config.Handler
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/v1-debug") {
			return false
		}
		s.answers(nil)
		inner.ServeHTTP(httptest.NewRecorder(), r)
		w.WriteHeader(http.StatusCreated)
		for {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return true
			}
		}
	})
	if _, err := New(fast).Move(proctest.Context(t), []Pending{{Ref: s.ref("v1-debug"), Digest: digestOf(t, img)}}); err != nil {
		t.Error(err)
	}
	if s.resolve("v1-debug") != digestOf(t, img) {
		t.Error("the tag has not moved")
	}
}

// TestAManifestThatIsNotItsDigestIsPushedAgain has a registry that kept a part of a manifest,
// as go-containerregistry's does where a connection breaks.
func TestAManifestThatIsNotItsDigestIsPushedAgain(t *testing.T) {
	s := newServer(t)
	a, to := saved(t, ours(t, "amd64")), []Reference{s.ref("v1-debug")}
	digest, err := New(fast).Push(proctest.Context(t), a, Format{}, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(proctest.Context(t), http.MethodPut, s.URL+"/v2/team/app/manifests/"+digest, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if New(fast).Verify(proctest.Context(t), to[0], digest) == nil {
		t.Fatal("the manifest is whole")
	}
	if _, err := New(fast).Push(proctest.Context(t), a, Format{}, to, nil); err != nil {
		t.Error(err)
	}
	if err := New(fast).Verify(proctest.Context(t), to[0], digest); err != nil {
		t.Error(err)
	}
}

// TestATokenThatExpiresIsRenewedInTheMiddleOfAWrite has a token server, and a registry that takes
// no token for the first try of a write.
func TestATokenThatExpiresIsRenewedInTheMiddleOfAWrite(t *testing.T) {
	s := newServer(t)
	pushed, old := ours(t, "amd64"), ours(t, "amd64")
	s.push("v1-debug", old)
	var tried sync.Map
	var expired, given atomic.Int32
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			_, _ = io.WriteString(w, `{"token":"token-`+strconv.Itoa(int(given.Add(1)))+`"}`)
			return true
		}
		authorized := strings.HasPrefix(r.Header.Get("Authorization"), "Bearer token-")
		if r.Method == http.MethodPut || r.Method == http.MethodPatch {
			if _, before := tried.LoadOrStore(r.Method+r.URL.Path, true); !before {
				_, _ = io.Copy(io.Discard, r.Body)
				authorized = false
				expired.Add(1)
			}
		}
		if authorized {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+`/token",service="test"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	c := New(WithKeychain(login{"me", "secret"}), fast)
	digest, err := c.Push(proctest.Context(t), saved(t, pushed), Format{}, []Reference{s.ref("v1-debug")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Move(proctest.Context(t), []Pending{{Ref: s.ref("v1-debug"), Digest: digest}}); err != nil {
		t.Error(err)
	}
	s.answers(nil)
	if s.resolve("v1-debug") != digest || expired.Load() < 5 {
		t.Errorf("the tag names %s, want %s, and %d tokens expired", s.resolve("v1-debug"), digest, expired.Load())
	}
}

func TestOneRegistryThatFailsLeavesTheTagsOfOthers(t *testing.T) {
	first, second := newServer(t), newServer(t)
	img, old := ours(t, "amd64"), ours(t, "amd64")
	var pending []Pending
	for _, s := range []*server{first, second} {
		s.push("pushed", img)
		pending = append(pending, Pending{Ref: s.ref("v1-debug"), Digest: digestOf(t, img)})
	}
	first.push("v1-debug", old)
	second.answers(refuses("v1-debug", http.StatusForbidden, 0))
	_, err := New(fast).Move(proctest.Context(t), pending)
	if err == nil || !strings.Contains(err.Error(), "no tag was moved: "+first.ref("v1-debug").String()+" put back") {
		t.Errorf("got %v", err)
	}
	if first.resolve("v1-debug") != digestOf(t, old) || second.resolve("v1-debug") != "" {
		t.Error("a tag has moved")
	}
}

// TestAnInterruptPutsTagsBack cancels a call between the first tag and the second.
func TestAnInterruptPutsTagsBack(t *testing.T) {
	s := newServer(t)
	img, old := ours(t, "amd64"), ours(t, "amd64")
	s.push("pushed", img)
	s.push("v1-debug", old)
	ctx, cancel := context.WithCancel(proctest.Context(t))
	s.answers(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/v1-debug-src") {
			cancel()
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return true
		}
		return false
	})
	_, err := New(fast).Move(ctx, []Pending{{Ref: s.ref("v1-debug"), Digest: digestOf(t, img)}, {Ref: s.ref("v1-debug-src"), Digest: digestOf(t, img)}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if s.resolve("v1-debug") != digestOf(t, old) || s.resolve("v1-debug-src") != "" {
		t.Error("a tag has moved")
	}
}

// TestAProductionTagThatMovedMeanwhileIsNotLinked moves production while the debug image is
// built.
func TestAProductionTagThatMovedMeanwhileIsNotLinked(t *testing.T) {
	const revision = labelRevision
	for _, tt := range []struct {
		name   string
		before bool // production was there
		labels map[string]string
		linked bool
	}{
		{"to an image that does not say its commit", true, nil, false},
		{"to the image of its commit", true, map[string]string{revision: "abc"}, true},
		{"to the image of another commit", true, map[string]string{revision: "def"}, false},
		{"from nothing", false, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newUnstarted(t, registry.WithReferrersSupport(true))
			s.Start()
			img := newImage(t, "amd64", map[string]string{label: "1.0.0", revision: "abc"})
			s.push("pushed", img)
			if tt.before {
				s.push("v1", foreign(t, "amd64"))
			}
			c := New(fast)
			if err := c.Remember(proctest.Context(t), s.ref("v1")); err != nil {
				t.Fatal(err)
			}
			s.push("v1", newImage(t, "amd64", tt.labels))
			attached, err := c.Move(proctest.Context(t), []Pending{{Ref: s.ref("v1-debug"), Digest: digestOf(t, img), Link: Link{ProductionTag: "v1", Variant: "remote", Preset: "remote"}}})
			if err != nil || len(attached) != 1 || (attached[0].Err == nil) != tt.linked || s.resolve("v1-debug") == "" {
				t.Errorf("%+v, %v", attached, err)
			}
		})
	}
}

func TestErrorsHaveNoCredentials(t *testing.T) {
	s := newServer(t)
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if _, password, ok := r.BasicAuth(); ok {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"errors":[{"code":"DENIED","message":"not with `+password+` and `+r.Header.Get("Authorization")+`"}]}`)
			return true
		}
		denied(w)
		return true
	})
	err := New(WithKeychain(login{"me", "pass-word"}), fast).Guard(proctest.Context(t), s.ref("v1-debug"))
	checkError(t, s, err, []string{"DENIED: not with … and Basic …"})

	for message, want := range map[string]string{
		`Put "https://me:pw@storage.example/a/b?X-Amz-Signature=abc&x=1": EOF`: `Put "https://…@storage.example/a/b?X-Amz-Signature=…&x=…": EOF`,
		"GET https://storage.example/a?sig=abc: unexpected status":             "GET https://storage.example/a?sig=…: unexpected status",
		"no token in bearer response:\n{\"refresh_token\":\"abc\"}":            "no token in the token server's answer",
		"https://git.example/app.git?ref=v1#main":                              "https://git.example/app.git?ref=v1#main",
		"see https://docs.example/login":                                       "see https://docs.example/login",
	} {
		if got := Redact(message); got != want {
			t.Errorf("%q is %q, want %q", message, got, want)
		}
	}
	if err := explain("reading x", "registry.example", &transport.Error{StatusCode: 400}); strings.Contains(err.Error(), "\n") {
		t.Error(err)
	}
}
