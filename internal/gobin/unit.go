package gobin

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// unitHead is how much of a unit is kept: its header and its first entry, with the
// strings in it (name, directory, producer).
const unitHead = 16 << 10

// unitReader goes through .debug_info unit by unit and keeps the start of each, so
// that a section of any size takes little memory.
type unitReader struct {
	r     *bufio.Reader
	order binary.ByteOrder
	skip  int64 // the rest of the unit before
}

func newUnitReader(r io.Reader, order binary.ByteOrder) *unitReader {
	return &unitReader{r: bufio.NewReaderSize(r, unitHead), order: order}
}

// next returns the start of the next unit, its length field made to fit, so that it
// is a whole .debug_info with one unit. The error is io.EOF at the section's end.
func (u *unitReader) next() ([]byte, error) {
	if err := u.discard(); err != nil {
		return nil, err
	}
	field, length, err := u.length()
	if err != nil {
		return nil, err
	}
	size := field + length
	kept := min(size, unitHead)
	head, err := u.r.Peek(int(kept))
	if len(head) < int(kept) {
		return nil, unexpected(err)
	}
	unit := bytes.Clone(head)
	if field == 4 {
		u.order.PutUint32(unit, uint32(kept-field))
	} else {
		u.order.PutUint64(unit[4:], uint64(kept-field))
	}
	u.skip = size
	return unit, nil
}

// discard goes past the unit before.
func (u *unitReader) discard() error {
	for u.skip > 0 {
		n, err := u.r.Discard(int(min(u.skip, 1<<30)))
		u.skip -= int64(n)
		if err != nil {
			return unexpected(err)
		}
	}
	return nil
}

// length reads the next unit's length and the size of the field that holds it: 4
// bytes, or an escape and 8 bytes (DWARF 5, section 7.4). Zeros are padding.
func (u *unitReader) length() (field, length int64, err error) {
	for {
		head, err := u.r.Peek(4)
		if len(head) == 0 {
			return 0, 0, err
		}
		if len(head) < 4 {
			return 0, 0, unexpected(err)
		}
		short := u.order.Uint32(head)
		if short == 0 {
			u.skip = 4
			if err := u.discard(); err != nil {
				return 0, 0, err
			}
			continue
		}
		if short != 0xffffffff {
			return 4, int64(short), nil
		}
		head, err = u.r.Peek(12)
		if len(head) < 12 {
			return 0, 0, unexpected(err)
		}
		long := u.order.Uint64(head[4:])
		if long == 0 || long > maxInfo {
			return 0, 0, fmt.Errorf("a compile unit claims %d bytes", long)
		}
		return 12, int64(long), nil
	}
}

// unexpected makes an error of a section's end within a unit.
func unexpected(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
