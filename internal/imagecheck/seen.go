package imagecheck

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// seen is what the content of a file tells of it.
type seen struct {
	key      bool // has a private key
	goSource bool // begins as a Go file does
	lines    int64
}

// look reads a file once, and keeps a copy if that is asked for.
func (r *reader) look(f *file, content io.Reader, keep bool) error {
	sum, look := sha256.New(), &looker{}
	into := io.MultiWriter(sum, look)
	head := make([]byte, 4)
	n, err := io.ReadFull(content, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	isELF := string(head[:n]) == "\x7fELF"
	look.plain = !isELF
	content = &io.LimitedReader{R: io.MultiReader(bytes.NewReader(head[:n]), content), N: maxBytes - r.bytes}
	var copied *os.File
	if keep || r.programs && isELF {
		if copied, err = os.Create(filepath.Join(r.dir, strconv.FormatInt(r.copies, 10))); err != nil {
			return err
		}
		defer func() { _ = copied.Close() }()
		r.copies++
		into = io.MultiWriter(sum, look, &limitedWriter{w: copied, left: min(maxFile, maxKept-r.keptBytes), name: f.path})
	}
	size, err := io.Copy(into, content)
	// A sparse file has more bytes than its layer.
	if r.bytes += size; err == nil && r.bytes >= maxBytes {
		err = errTooLarge
	}
	if err != nil {
		return err
	}
	look.finish()
	f.sum, f.contents = [sha256.Size]byte(sum.Sum(nil)), look.seen
	switch {
	case keep:
		f.kept = copied.Name()
		r.keptBytes += size
	case copied != nil:
		f.program = programIn(copied)
		return os.Remove(copied.Name())
	}
	return nil
}

// limitedWriter fails after as many bytes.
type limitedWriter struct {
	w    io.Writer
	left int64
	name string
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	if w.left -= int64(len(p)); w.left < 0 {
		return 0, fmt.Errorf("%s is too large for a program", w.name)
	}
	return w.w.Write(p)
}

// headSize is how much of a file tells whether it is one of Go's: licences stand first.
const headSize = 8 << 10

// goFile is how a Go file begins: with comments, and its package.
var goFile = regexp.MustCompile(`\A(?:\x{FEFF})?(?:\s|//[^\n]*\n|/\*(?s:.*?)\*/)*package[ \t]+[\pL_][\pL\pN_]*[ \t]*(?:;|//[^\n]*|/\*[^\n]*)?\r?(?:\n|\z)`)

// keyStart and keyEnd are what a line has that begins a private key, keyLine its length.
var keyStart, keyEnd = []byte("-----BEGIN "), []byte("PRIVATE KEY")

const keyLine = 64

// looker looks at a file while it is written to it.
type looker struct {
	seen
	plain bool // no program
	head  []byte
	text  []byte // what was written last, behind the end of what was before
	last  byte
	any   bool
}

func (l *looker) Write(p []byte) (int, error) {
	if !l.plain || len(p) == 0 {
		return len(p), nil
	}
	l.any, l.last = true, p[len(p)-1]
	l.lines += int64(bytes.Count(p, []byte("\n")))
	if more := headSize - len(l.head); more > 0 {
		l.head = append(l.head, p[:min(more, len(p))]...)
	}
	if !l.key {
		if l.text == nil {
			l.text = []byte("\n")
		}
		kept := copy(l.text, l.text[max(0, len(l.text)-keyLine-len(keyStart)-1):])
		l.text = append(l.text[:kept], p...)
		l.key = hasKey(l.text)
	}
	return len(p), nil
}

func hasKey(text []byte) bool {
	for {
		_, rest, found := bytes.Cut(text, keyStart)
		if !found {
			return false
		}
		at := len(text) - len(rest) - len(keyStart)
		line, _, _ := bytes.Cut(rest[:min(keyLine, len(rest))], []byte("\n"))
		if at > 0 && text[at-1] == '\n' && bytes.Contains(line, keyEnd) {
			return true
		}
		text = rest
	}
}

func (l *looker) finish() {
	if l.any && l.last != '\n' {
		l.lines++
	}
	l.goSource = l.plain && goFile.Match(l.head)
}
