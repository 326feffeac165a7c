package registry

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// symbolsFile is an archive of a text.
func symbolsFile(t *testing.T, name, text string, level int) SymbolsArchive {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := NewSymbolsArchive(name, file, map[string]string{SymbolsContent: text})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (s *server) pushSymbols(production string, want bool, archives ...SymbolsArchive) string {
	s.t.Helper()
	artifact, pushed, err := New().PushSymbols(proctest.Context(s.t), s.ref("x"), production, archives)
	if err != nil || pushed != want || !isDigest(artifact) {
		s.t.Fatalf("%s was pushed: %v, want %v (%v)", artifact, pushed, want, err)
	}
	return artifact
}

func (s *server) symbols(production string, want ...string) []SymbolsArchive {
	s.t.Helper()
	list, err := New().Symbols(proctest.Context(s.t), s.ref("x"), production)
	if err != nil || len(list) != len(want) {
		s.t.Fatalf("%d archives, want %q (%v)", len(list), want, err)
	}
	for i, a := range list {
		if a.Name != want[i] {
			s.t.Errorf("archive %d is %s, want %s", i, a.Name, want[i])
		}
	}
	return list
}

func TestSymbolsAreAttachedToProduction(t *testing.T) {
	onRegistries(t, func(t *testing.T, s *server) {
		s.push("v1", foreign(t, "amd64"))
		s.publish("v1-debug-sidecar", "sidecar", "v1", derived(t, "sidecar", "amd64", ""))
		production := s.resolve("v1")
		s.symbols(production)
		one, two := symbolsFile(t, "aa.tar.gz", "one", gzip.BestSpeed), symbolsFile(t, "bb.tar.gz", "two", gzip.BestSpeed)
		artifact := s.pushSymbols(production, true, one, two)
		if again := s.pushSymbols(production, false, symbolsFile(t, "aa.tar.gz", "one", gzip.NoCompression), two); again != artifact {
			t.Errorf("the same archives are %s, and then %s", artifact, again)
		}
		s.pushSymbols(production, true, one, symbolsFile(t, "cc.tar.gz", "three", gzip.BestSpeed))
		r, err := s.symbols(production, "aa.tar.gz", "bb.tar.gz", "cc.tar.gz")[1].Open()
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(z); err != nil || string(text) != "two" || r.Close() != nil {
			t.Errorf("read %q: %v", text, err)
		}
		s.lists(":v1", "v1-debug-sidecar sidecar current")

		s.push("v2", foreign(t, "arm64"))
		if err := remote.Delete(s.name(s.ref("x")).Digest(production), s.transport()); err != nil {
			t.Fatal(err)
		}
		if s.resolve("v1") != "" {
			s.untag("v1") // that names nothing
		}
		left := s.leftovers("v1-debug-sidecar v1 gone")
		if err := New().Delete(proctest.Context(t), s.ref("x"), left[0]); err != nil {
			t.Fatal(err)
		}
		if err := remoteGet(s, artifact); !isAbsent(err) {
			t.Errorf("the symbols of an image that is gone: %v", err)
		}
		if s.attached(production) != 0 {
			t.Error("the registry still lists what is attached to it")
		}
	})
}

func TestWhatIsNoSymbolsOfAnImageIsNotTaken(t *testing.T) {
	s := newServer(t)
	s.push("v1", foreign(t, "amd64"))
	s.push("v2", foreign(t, "arm64"))
	artifact := s.pushSymbols(s.resolve("v2"), true, symbolsFile(t, "aa.tar.gz", "one", gzip.BestSpeed))
	_, err := New().Symbols(proctest.Context(t), s.ref("x"), artifact)
	if err != nil {
		t.Error(err)
	}
	s.symbols(s.resolve("v1"))
	_, _, err = New().PushSymbols(proctest.Context(t), s.ref("x"), "sha256:"+string(bytes.Repeat([]byte("a"), 64)), []SymbolsArchive{symbolsFile(t, "aa.tar.gz", "one", 1)})
	if err == nil {
		t.Error("symbols of an image that is not there were pushed")
	}
}
