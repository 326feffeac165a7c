package buildkit

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

func finished(name string) *client.Vertex {
	now := time.Now()
	return &client.Vertex{Digest: digest.FromString(name), Name: name, Started: &now, Completed: &now}
}

func TestSharedStepsAreShownOnceAndExportsByVariant(t *testing.T) {
	var out bytes.Buffer
	p, err := NewProgress(t.Context(), &out, "plain")
	if err != nil {
		t.Fatal(err)
	}
	warning := &client.VertexWarning{Short: []byte("careful"), Range: []*pb.Range{{Start: &pb.Position{Line: 3}}}}
	for _, label := range []string{"remote", "remote-src"} {
		ch := p.Source("", label)
		export := finished("exporting to image")
		export.Digest = digest.FromString(label)
		ch <- &client.SolveStatus{
			Vertexes: []*client.Vertex{finished("[builder 2/2] RUN go build"), export},
			Warnings: []*client.VertexWarning{warning},
		}
		close(ch)
	}
	warnings, err := p.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 1 {
		t.Errorf("%d warnings, want the one once", len(warnings))
	}
	for text, want := range map[string]int{
		"[builder 2/2] RUN go build":      1,
		"[remote] exporting to image":     1,
		"[remote-src] exporting to image": 1,
	} {
		if got := strings.Count(out.String(), text); got != want {
			t.Errorf("%q is shown %d times, want %d:\n%s", text, got, want, out.String())
		}
	}
}

func TestStepsOfSeveralNodesAreShownWithTheNode(t *testing.T) {
	var out bytes.Buffer
	p, err := NewProgress(t.Context(), &out, "plain")
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range []string{"amd0", "arm0"} {
		for _, label := range []string{"remote", "remote-src"} {
			ch := p.Source(node, label)
			step := finished("[build 1/2] FROM golang")
			ch <- &client.SolveStatus{
				Vertexes: []*client.Vertex{step, finished("exporting to image of " + label)},
				Logs:     []*client.VertexLog{{Vertex: step.Digest, Stream: 1, Data: []byte("said on " + node + "\n"), Timestamp: time.Now()}},
			}
			close(ch)
		}
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"[amd0 build 1/2] FROM golang", "[arm0 build 1/2] FROM golang", "said on amd0", "said on arm0",
		"[amd0 remote] exporting to image of remote\n", "[arm0 remote-src] exporting to image of remote-src\n",
	} {
		if got := strings.Count(out.String(), want); got != 1 {
			t.Errorf("%q is shown %d times:\n%s", want, got, out.String())
		}
	}
}

func TestProgressWithoutABuildEnds(t *testing.T) {
	p, err := NewProgress(t.Context(), &bytes.Buffer{}, "plain")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Error(err)
	}
}

func TestUnknownProgressModeListsTheModes(t *testing.T) {
	_, err := NewProgress(t.Context(), &bytes.Buffer{}, "fancy")
	if err == nil || !strings.Contains(err.Error(), "rawjson") {
		t.Errorf("got %v, want an error with the modes", err)
	}
}
