package gobin

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
)

// counted records the reads of a file.
type counted struct {
	io.ReaderAt
	reads []span
}

type span struct{ off, end int64 }

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	c.reads = append(c.reads, span{off, off + int64(len(p))})
	return c.ReaderAt.ReadAt(p, off)
}

func (c *counted) bytes() (n int64) {
	for _, r := range c.reads {
		n += r.end - r.off
	}
	return n
}

func TestBlockReaderReadsWhatTheFileHolds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 10_001)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	r := NewBlockReader(bytes.NewReader(data), int64(len(data)), 64)
	var all sync.WaitGroup
	for seed := range uint64(4) {
		all.Go(func() { readAtRandom(t, r, data, seed) })
	}
	all.Wait()
}

func readAtRandom(t *testing.T, r io.ReaderAt, data []byte, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 3))
	for range 1000 {
		off, want := random.IntN(len(data)+20), random.IntN(300)
		p := make([]byte, want)
		n, err := r.ReadAt(p, int64(off))
		rest := max(len(data)-off, 0)
		if n != min(want, rest) || !bytes.Equal(p[:n], data[min(off, len(data)):min(off, len(data))+n]) {
			t.Errorf("%d bytes at %d: got %d bytes, or wrong ones", want, off, n)
			return
		}
		if (want > rest || rest == 0) != errors.Is(err, io.EOF) {
			t.Errorf("%d bytes at %d: error %v", want, off, err)
			return
		}
	}
}

func TestBlockReaderMakesFewRequests(t *testing.T) {
	size := int64(3*MaxRequest + 5)
	file := &counted{ReaderAt: bytes.NewReader(make([]byte, size))}
	r := NewBlockReader(file, size, 0)
	for off := int64(0); off < DefaultBlock; off += 16 {
		if _, err := r.ReadAt(make([]byte, 16), off); err != nil {
			t.Fatal(err)
		}
	}
	if len(file.reads) != 1 || file.reads[0] != (span{0, DefaultBlock}) {
		t.Errorf("small reads in one block: %v", file.reads)
	}
	file.reads = nil
	if _, err := r.ReadAt(make([]byte, size), 0); err != nil {
		t.Fatal(err)
	}
	if len(file.reads) != 4 {
		t.Errorf("a large read: %v", file.reads)
	}
	for _, read := range file.reads {
		if read.end-read.off > MaxRequest || read.end > size {
			t.Errorf("request %v is too large, or beyond the end", read)
		}
	}
}

func TestBlockReaderReportsAFileShorterThanItsSize(t *testing.T) {
	r := NewBlockReader(bytes.NewReader(make([]byte, 100)), 1000, 64)
	for _, length := range []int{10, 500} {
		if _, err := r.ReadAt(make([]byte, length), 95); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: got %v, want io.ErrUnexpectedEOF", length, err)
		}
	}
	if _, err := r.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("a negative offset is no error")
	}
}
