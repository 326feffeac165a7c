package registry

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/proctest"
)

// testLimit ends what should have ended long before.
const testLimit = 20 * time.Second

// silence is a registry that goes silent at some point: it returns its address.
type silence struct {
	name   string
	listen func(t *testing.T) string
}

func silences() []silence {
	return []silence{
		{"after the connection", func(t *testing.T) string { return listen(t, nil) }},
		{"in the middle of a TLS handshake", func(t *testing.T) string {
			return listen(t, func(conn net.Conn) {
				// The header of a record with a ServerHello, and its first byte.
				if first, err := bufio.NewReader(conn).ReadByte(); err == nil && first == 0x16 {
					_, _ = conn.Write([]byte{0x16, 3, 3, 0, 122, 2})
				}
			})
		}},
		{"before the header", func(t *testing.T) string {
			return serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		}},
		{"in the middle of the header", func(t *testing.T) string {
			return listen(t, func(conn net.Conn) {
				// Only behind a request is it the begin of an answer.
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Le"))
				}
			})
		}},
		{"in the middle of the body", func(t *testing.T) string {
			return serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v2/" {
					return
				}
				w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
				w.Header().Set("Content-Length", "1000")
				_, _ = w.Write([]byte(`{"schemaVersion":2,`))
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			})
		}},
	}
}

func listen(t *testing.T, begin func(net.Conn)) string {
	return proctest.Silent(t, "tcp", "127.0.0.1:0", begin)
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := newUnstarted(t)
	s.Config.Handler = handler
	s.Start()
	t.Cleanup(s.CloseClientConnections)
	return s.Listener.Addr().String()
}

// questions are all that a Client asks a registry.
func questions(c *Client, ref Reference) map[string]func(context.Context) error {
	digest := "sha256:" + strings.Repeat("0", 64)
	return map[string]func(context.Context) error{
		"Guard":      func(ctx context.Context) error { return c.Guard(ctx, ref) },
		"GuardCache": func(ctx context.Context) error { return c.GuardCache(ctx, ref) },
		"Answers":    func(ctx context.Context) error { return c.Answers(ctx, ref) },
		"Verify":     func(ctx context.Context) error { return c.Verify(ctx, ref, digest) },
		"Labels":     func(ctx context.Context) error { _, err := c.Labels(ctx, ref, ""); return err },
		"Move": func(ctx context.Context) error {
			_, err := c.Move(ctx, []Pending{{Ref: ref, Digest: digest}})
			return err
		},
		"List": func(ctx context.Context) error { _, err := c.List(ctx, ref, ""); return err },
	}
}

// ends returns what a question returned, and fails the test where it does not end.
func ends(ctx context.Context, t *testing.T, question func(context.Context) error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- question(ctx) }()
	select {
	case err := <-done:
		return err
	case <-time.After(testLimit):
		t.Fatalf("it goes on after %s", testLimit)
		return nil
	}
}

func TestARegistryThatGoesSilentIsNotWaitedForForever(t *testing.T) {
	for _, silent := range silences() {
		t.Run(silent.name, func(t *testing.T) {
			host := silent.listen(t)
			ref := Reference{host: host, path: "team/app", tag: "v1-debug"}
			for name := range questions(nil, ref) {
				told := make(chan string, 100)
				p := &patience.Patience{Limit: 200 * time.Millisecond, Notice: 20 * time.Millisecond, Tell: func(line string) { told <- line }}
				err := ends(proctest.Context(t), t, questions(New(WithPatience(p)), ref)[name])
				var failure *Error
				if !errors.As(err, &failure) || failure.Host != host ||
					!strings.Contains(err.Error(), fmt.Sprintf("registry %s did not answer for 200ms", host)) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s: got %v", name, err)
				}
				if len(told) == 0 || <-told != "waiting for "+host {
					t.Errorf("%s: the wait was not told", name)
				}
			}
		})
	}
}

func TestAnInterruptEndsAWaitAtOnce(t *testing.T) {
	for _, silent := range silences() {
		t.Run(silent.name, func(t *testing.T) {
			ref := Reference{host: silent.listen(t), path: "team/app", tag: "v1-debug"}
			for name := range questions(nil, ref) {
				ctx, cancel := context.WithCancel(proctest.Context(t))
				p := &patience.Patience{Limit: time.Hour, Notice: 20 * time.Millisecond, Tell: func(string) { cancel() }}
				err := ends(ctx, t, questions(New(WithPatience(p)), ref)[name])
				if !errors.Is(err, context.Canceled) {
					t.Errorf("%s: got %v, want context.Canceled", name, err)
				}
				cancel()
			}
		})
	}
}

func TestATagThatIsNotTakenInTimeIsTold(t *testing.T) {
	s := newServer(t)
	img := ours(t, "amd64")
	s.push("pushed", img)
	s.answers(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body) // the server sees that the client is gone only then
		<-r.Context().Done()
		return true
	})
	p := &patience.Patience{Limit: 200 * time.Millisecond}
	_, err := New(WithPatience(p)).Move(proctest.Context(t), []Pending{{Ref: s.ref("v1-debug"), Digest: digestOf(t, img)}})
	var moved *MoveError
	if !errors.As(err, &moved) || !strings.Contains(err.Error(), "did not answer for 200ms") || !strings.Contains(err.Error(), "no tag was moved") {
		t.Errorf("got %v", err)
	}
}
