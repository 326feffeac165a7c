//go:build !race

// The order of requests is another each time: thousands of them with the race detector find
// no more than a few.

package registry

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/google/go-containerregistry/pkg/registry"
	"golang.org/x/sync/errgroup"
)

// fault is a way in which a request fails once.
type fault struct {
	name string

	// retried says that nobody is to notice.
	retried bool

	// answer fails a request that inner would have answered.
	answer func(w http.ResponseWriter, r *http.Request, inner http.Handler)
}

func hangUp(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// halfUpload takes half of a body and hangs up.
func halfUpload(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.CopyN(io.Discard, r.Body, max(r.ContentLength/2, 0))
	panic(http.ErrAbortHandler)
}

// lost does what was asked and hangs up.
func lost(_ http.ResponseWriter, r *http.Request, inner http.Handler) {
	inner.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// halfAnswer does what was asked and hangs up in the middle of the answer's body, or of its
// header where it has none.
func halfAnswer(w http.ResponseWriter, r *http.Request, inner http.Handler) {
	answer := httptest.NewRecorder()
	inner.ServeHTTP(answer, r)
	text := answer.Body.Bytes()
	if len(text) > 1 && r.Method != http.MethodHead {
		for key, values := range answer.Header() {
			w.Header()[key] = values
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(text[:len(text)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_, _ = conn.Write([]byte("HTTP/1.1 201 Created\r\nContent-Le"))
		_ = conn.Close()
	}
}

func answers(code int, header ...string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, `{"errors":[{"code":"UNKNOWN","message":"two\nlines"}]}`)
	}
}

var faults = []fault{
	{"hangs up", true, hangUp},
	{"hangs up in the middle of what is sent", true, halfUpload},
	{"loses its answer", true, lost},
	{"hangs up in the middle of its answer", true, halfAnswer},
	{"500", true, answers(http.StatusInternalServerError)},
	{"503", true, answers(http.StatusServiceUnavailable)},
	{"429 for now", true, answers(http.StatusTooManyRequests, "Retry-After", "0")},
	{"429 for a second", true, answers(http.StatusTooManyRequests, "Retry-After", "1")},
	{"401", false, answers(http.StatusUnauthorized)},
	{"403", false, answers(http.StatusForbidden)},
	{"409", false, answers(http.StatusConflict)},
	{"507", false, answers(http.StatusInsufficientStorage)},
}

// faulty fails one request to each repository.
type faulty struct {
	inner http.Handler

	mu    sync.Mutex
	cases map[string]*faultCase // by repository
}

type faultCase struct {
	fault
	at    int32 // the request that fails, from 1
	asked atomic.Int32
	what  atomic.Value // the request that failed, as text
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	one := f.of(r)
	if one == nil || one.asked.Add(1) != one.at {
		f.inner.ServeHTTP(w, r)
		return
	}
	one.what.Store(r.Method + " " + r.URL.Path)
	one.answer(w, r, f.inner)
}

// of is the case of a request, which its path has, or, where it is the first one, its user
// agent cannot tell: those go through.
func (f *faulty) of(r *http.Request) *faultCase {
	f.mu.Lock()
	defer f.mu.Unlock()
	parts := strings.Split(r.URL.Path, "/")
	if len(parts) < 4 {
		return nil
	}
	return f.cases[parts[2]+"/"+parts[3]]
}

func (f *faulty) watch(repository string, one *faultCase) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cases[repository] = one
}

// TestEveryRequestMayFailOnce fails each request of a publication in each way: either all tags
// have moved, and what they name is whole, or none.
func TestEveryRequestMayFailOnce(t *testing.T) {
	for name, ways := range map[string][]fault{"referrers API": faults, "no referrers API": {faults[2]}} {
		t.Run(name, func(t *testing.T) {
			s := newUnstarted(t, registry.WithReferrersSupport(len(ways) == len(faults)))
			proxy := &faulty{inner: s.Config.Handler, cases: map[string]*faultCase{}}
			s.Config.Handler = proxy
			s.Start()

			has, c := newBeforeImages(t), New(fast)
			clean, all := newPublication(t, s, "clean/app", has), &faultCase{}
			proxy.watch("clean/app", all)
			if err := clean.publish(proctest.Context(t), c); err != nil || clean.moved(t, c) != 2 {
				t.Fatalf("without a fault: %v", err)
			}
			requests := all.asked.Load()
			if requests < 30 {
				t.Fatalf("%d requests", requests)
			}
			var group errgroup.Group
			group.SetLimit(32)
			for i, way := range ways {
				for at := int32(1); at <= requests; at++ {
					repository := fmt.Sprintf("way%d/request%d", i, at)
					p, one := newPublication(t, s, repository, has), &faultCase{fault: way, at: at}
					group.Go(func() error {
						proxy.watch(repository, one)
						err := p.publish(proctest.Context(t), c)
						proxy.watch(repository, nil)
						one.check(t, p, c, err)
						return nil
					})
				}
			}
			_ = group.Wait()
		})
	}
}

func (one *faultCase) check(t *testing.T, p *publication, c *Client, err error) {
	t.Helper()
	what := fmt.Sprintf("%s, at request %d (%v)", one.name, one.at, one.what.Load())
	var unlinked *unlinkedError
	switch moved := p.moved(t, c); {
	case err != nil && one.retried:
		t.Errorf("%s: %v", what, err)
	case err != nil && strings.Contains(err.Error(), "\n"):
		t.Errorf("%s: not one line: %q", what, err)
	case err != nil && !errors.As(err, &unlinked) && moved != 0:
		t.Errorf("%s: %d tags have moved: %v", what, moved, err)
	case (err == nil || errors.As(err, &unlinked)) && moved != 2:
		t.Errorf("%s: %d tags have moved, of 2, without an error", what, moved)
	}
}
