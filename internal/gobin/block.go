package gobin

import (
	"fmt"
	"io"
	"sync"
)

const (
	// DefaultBlock is the block of a BlockReader that was given none: 16 KiB.
	DefaultBlock = 16 << 10

	// MaxRequest is the most that a BlockReader, and Read, ask for at once: 3 MiB. It
	// stays well below the 16 MiB that BuildKit allows a gRPC message (defaults.DefaultMaxRecvMsgSize).
	MaxRequest = 3 << 20

	// maxBlocks bounds the cache.
	maxBlocks = 64
)

// BlockReader makes few requests of many small reads: it reads aligned blocks and
// keeps the last of them. Reads of two blocks and more pass by the cache, in
// requests of at most MaxRequest bytes. It may be used by several goroutines.
type BlockReader struct {
	r     io.ReaderAt
	size  int64
	block int64

	mu     sync.Mutex
	blocks map[int64][]byte
	order  []int64 // of arrival, the oldest first
}

// NewBlockReader reads the file r of size bytes, in blocks of block bytes (0:
// DefaultBlock; at most MaxRequest). It asks r for nothing beyond size.
func NewBlockReader(r io.ReaderAt, size int64, block int) *BlockReader {
	if block <= 0 {
		block = DefaultBlock
	}
	return &BlockReader{
		r:      r,
		size:   max(size, 0),
		block:  int64(min(block, MaxRequest)),
		blocks: map[int64][]byte{},
	}
}

// ReadAt implements io.ReaderAt.
func (b *BlockReader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("reading at negative offset %d", off)
	}
	if off >= b.size {
		return 0, io.EOF
	}
	var short error
	if rest := b.size - off; int64(len(p)) > rest {
		p, short = p[:rest], io.EOF
	}
	read := b.cached
	if int64(len(p)) >= 2*b.block {
		read = b.direct
	}
	n, err := read(p, off)
	if err != nil {
		return n, err
	}
	return n, short
}

// direct fills p, all of which lies within the file.
func (b *BlockReader) direct(p []byte, off int64) (int, error) {
	done := 0
	for done < len(p) {
		piece := p[done:min(len(p), done+MaxRequest)]
		n, err := readFull(b.r, piece, off+int64(done))
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// cached fills p, all of which lies within the file, from blocks.
func (b *BlockReader) cached(p []byte, off int64) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	done := 0
	for done < len(p) {
		at := off + int64(done)
		block, err := b.load(at / b.block)
		if err != nil {
			return done, err
		}
		done += copy(p[done:], block[at%b.block:])
	}
	return done, nil
}

// load returns the block of that number.
func (b *BlockReader) load(number int64) ([]byte, error) {
	if block, ok := b.blocks[number]; ok {
		return block, nil
	}
	start := number * b.block
	block := make([]byte, min(b.block, b.size-start))
	if _, err := readFull(b.r, block, start); err != nil {
		return nil, err
	}
	if len(b.order) == maxBlocks {
		delete(b.blocks, b.order[0])
		b.order = b.order[1:]
	}
	b.blocks[number] = block
	b.order = append(b.order, number)
	return block, nil
}

// readFull fills p. A file that ends before is an error, io.ErrUnexpectedEOF.
func readFull(r io.ReaderAt, p []byte, off int64) (int, error) {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return n, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
