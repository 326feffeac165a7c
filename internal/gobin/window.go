package gobin

import (
	"errors"
	"io"
)

// window is the reader that Read works on. It remembers the first error of the file
// under it, because debug/buildinfo and debug/elf do not tell such errors from bad
// formats; and it reads ahead within the section that is read from its start on, in
// requests that double from DefaultBlock to MaxRequest: the reader may stop early.
type window struct {
	r   io.ReaderAt
	err error

	start, end int64  // the section that is read ahead; empty: none
	at         int64  // where buf begins
	next       int64  // how much to read ahead
	buf        []byte // what was read ahead
}

// readAhead announces that the size bytes at off are going to be read in order.
// They may reach beyond the end of the file.
func (w *window) readAhead(off, size uint64) {
	const most = 1 << 62
	w.start = int64(min(off, most))
	w.end = w.start + int64(min(size, most))
	w.at, w.next, w.buf = 0, DefaultBlock, w.buf[:0]
}

// ReadAt implements io.ReaderAt.
func (w *window) ReadAt(p []byte, off int64) (int, error) {
	if off < w.start || off >= w.end || int64(len(p)) > w.end-off {
		return w.read(p, off)
	}
	done := 0
	for done < len(p) {
		at := off + int64(done)
		if at < w.at || at >= w.at+int64(len(w.buf)) {
			if err := w.fill(at); err != nil {
				return done, err
			}
		}
		done += copy(p[done:], w.buf[at-w.at:])
	}
	return done, nil
}

// fill reads ahead from off. It returns an error only if there is nothing at off.
func (w *window) fill(off int64) error {
	size := min(w.end-off, w.next)
	if int64(cap(w.buf)) < size {
		w.buf = make([]byte, 0, w.next)
	}
	buf := w.buf[:size]
	w.next = min(2*w.next, MaxRequest)
	n, err := w.read(buf, off)
	w.at, w.buf = off, buf[:n]
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.EOF
	}
	return err
}

func (w *window) read(p []byte, off int64) (int, error) {
	n, err := w.r.ReadAt(p, off)
	if err != nil && w.err == nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}
