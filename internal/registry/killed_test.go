package registry

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// TestAPublicationThatIsKilledIsFinishedByTheNext kills a process that publishes, at random
// moments. Each tag names what it did, or a whole image. Nobody moves two tags at once, so the
// first may have moved alone. The next publication moves both.
func TestAPublicationThatIsKilledIsFinishedByTheNext(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // moments, not secrets

	s := newUnstarted(t)
	inner := wholeRequests(s.Config.Handler)
	var on atomic.Pointer[func(http.ResponseWriter, *http.Request)]
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handle := on.Load(); handle != nil {
			(*handle)(w, r)
			return
		}
		inner.ServeHTTP(w, r)
	})
	s.Start()
	has, c := newBeforeImages(t), New(fast)
	requests := 0
	outcomes := map[int]int{}
	for run := range 51 {
		p := newPublication(t, s, fmt.Sprintf("killed/run%d", run), has)
		cmd := exec.CommandContext(proctest.Context(t), self)
		cmd.Env = append(os.Environ(), publishEnv+"="+p.production.String()+" "+p.file)
		var asked atomic.Int32
		started, exited := make(chan struct{}), make(chan struct{})
		kill := func() {
			<-started
			_ = cmd.Process.Kill()
		}
		at, when := int32(0), random.IntN(3) // the first run is not killed
		if run > 0 {
			at = 1 + int32(random.IntN(requests)) //nolint:gosec // some dozens
		}
		pause := time.Duration(random.IntN(1000)) * time.Microsecond
		handle := func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) != at {
				inner.ServeHTTP(w, r)
				return
			}
			switch when {
			case 0: // before it is done
				kill()
				<-exited
			case 1: // when it is done, and not answered
				inner.ServeHTTP(httptest.NewRecorder(), r)
				kill()
				<-exited
			default: // soon
				time.AfterFunc(pause, kill)
				inner.ServeHTTP(w, r)
			}
		}
		on.Store(&handle)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		close(started)
		err := cmd.Wait()
		close(exited)
		on.Store(nil)
		if run == 0 {
			if requests = int(asked.Load()); err != nil || requests < 20 {
				t.Fatalf("%d requests: %v: %s", requests, err, out.String())
			}
			continue
		}
		moved := p.moved(t, c)
		outcomes[moved]++
		if digest, err := c.tagNow(t, p.tags[0]); moved == 1 && (err != nil || digest == p.before[0]) {
			t.Errorf("run %d: the second tag moved before the first", run)
		}
		if err := p.publish(proctest.Context(t), c); err != nil || p.moved(t, c) != 2 {
			t.Errorf("run %d, killed at request %d of %d: the next publication: %v", run, at, requests, err)
		}
	}
	t.Logf("%d of 50 moved no tag, %d one, %d both", outcomes[0], outcomes[1], outcomes[2])
}

// wholeRequests hands on requests whose body is all there, as registries do that are more than a
// test's: go-containerregistry's keeps half a manifest.
func wholeRequests(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		inner.ServeHTTP(w, r)
	})
}

// tagNow is the digest that a tag names.
func (c *Client) tagNow(t *testing.T, ref Reference) (string, error) {
	t.Helper()
	s, err := c.open(ref)
	if err != nil {
		return "", err
	}
	return s.tagged(proctest.Context(t), ref.tag)
}
