package imagecheck

import (
	"bytes"
	"compress/zlib"
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

var (
	errMalformed = errors.New("it is malformed")
	errRepeated  = errors.New("its tables are within each other")
)

// maxUnits is more than the packages and the C files of a program.
const maxUnits = 1 << 20

// unitTables are where the units of debug information are. The tables that they name are
// read at each of their offsets once, and are no more than their section: they may be
// within each other, so that few bytes take hours.
type unitTables struct {
	order binary.ByteOrder
	units []dwarf.Offset // of the first entry of each

	abbrev, line         []byte
	abbrevLeft, lineLeft int
	abbrevs, lines       map[uint64]bool
}

func readUnitTables(f *elf.File) (*unitTables, error) {
	if f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return nil, fmt.Errorf("%w: it is of the type %s", errMalformed, f.Type)
	}
	sections := map[string][]byte{}
	for _, s := range f.Sections {
		name, packed := strings.CutPrefix(s.Name, ".zdebug_")
		if !packed {
			var ok bool
			if name, ok = strings.CutPrefix(s.Name, ".debug_"); !ok {
				continue
			}
		}
		if _, twice := sections[name]; twice {
			return nil, fmt.Errorf("%w: it has two sections %s", errMalformed, s.Name)
		}
		sections[name] = nil
		if name != "info" && name != "types" && name != "abbrev" && name != "line" {
			continue
		}
		data, err := sectionData(s, packed)
		if err != nil {
			return nil, err
		}
		sections[name] = data
	}
	t := &unitTables{
		order: f.ByteOrder, abbrev: sections["abbrev"], line: sections["line"],
		abbrevLeft: len(sections["abbrev"]), lineLeft: len(sections["line"]), abbrevs: map[uint64]bool{}, lines: map[uint64]bool{},
	}
	if err := t.read(sections["types"]); err != nil {
		return nil, err
	}
	t.units = nil // what follows counts
	return t, t.read(sections["info"])
}

func sectionData(s *elf.Section, packed bool) ([]byte, error) {
	data, err := s.Data()
	if err != nil || !packed || !bytes.HasPrefix(data, []byte("ZLIB")) || len(data) < 12 {
		return data, err
	}
	z, err := zlib.NewReader(bytes.NewReader(data[12:]))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, maxDebug))
}

// length is the length of a unit or a table, the size of that and of offsets in it.
func (t *unitTables) length(data []byte) (length uint64, size, offset int, err error) {
	const wide = 0xffffffff
	if len(data) < 4 {
		return 0, 0, 0, errMalformed
	}
	length, size, offset = uint64(t.order.Uint32(data)), 4, 4
	if length == wide {
		if len(data) < 12 {
			return 0, 0, 0, errMalformed
		}
		length, size, offset = t.order.Uint64(data[4:]), 12, 8
	}
	if length > uint64(len(data)-size) {
		return 0, 0, 0, errMalformed
	}
	return length, size, offset, nil
}

// read reads the headers of the units of a section.
func (t *unitTables) read(data []byte) error {
	for at := 0; at < len(data); {
		length, size, offset, err := t.length(data[at:])
		if err != nil {
			return err
		}
		unit := data[at+size : at+size+int(length)] //nolint:gosec // length says that it fits
		at += size + len(unit)
		if len(unit) == 0 {
			continue
		}
		const before5, since5 = 2, 4 // bytes before the offset: of the version, a kind and a size
		if len(unit) < since5+offset+1 {
			return errMalformed
		}
		begin, rest := before5, 1
		if t.order.Uint16(unit) >= 5 {
			begin, rest = since5, 0
		}
		abbrevs := uint64(t.order.Uint32(unit[begin:]))
		if offset == 8 {
			abbrevs = t.order.Uint64(unit[begin:])
		}
		if err := t.addAbbrevs(abbrevs); err != nil {
			return err
		}
		if len(t.units) == maxUnits {
			return errRepeated
		}
		t.units = append(t.units, dwarf.Offset(at-len(unit)+begin+offset+rest)) //nolint:gosec // sections are smaller
	}
	return nil
}

// addAbbrevs counts the table of abbreviations at an offset.
func (t *unitTables) addAbbrevs(at uint64) error {
	if t.abbrevs[at] {
		return nil
	}
	t.abbrevs[at] = true
	if at >= uint64(len(t.abbrev)) {
		return errMalformed
	}
	if t.abbrevLeft -= abbrevsLength(t.abbrev[at:]); t.abbrevLeft < 0 {
		return errRepeated
	}
	return nil
}

// abbrevsLength is the length of a table of abbreviations (DWARF 5, 7.5.3).
func abbrevsLength(data []byte) int {
	const implicitConst = 0x21
	c := cursor{data: data}
	for c.number() != 0 {
		c.number()
		c.byte() // whether it has children
		for c.at < len(data) {
			attribute, form := c.number(), c.number()
			if form == implicitConst {
				c.number()
			}
			if attribute == 0 && form == 0 {
				break
			}
		}
	}
	return min(c.at, len(data))
}

// addLines counts the line table of a unit. It is false for none, and for one that was read.
func (t *unitTables) addLines(unit *dwarf.Entry) (bool, error) {
	value, ok := unit.Val(dwarf.AttrStmtList).(int64)
	at := uint64(value) //nolint:gosec // a negative one is too large
	if !ok || t.lines[at] {
		return false, nil
	}
	t.lines[at] = true
	if at >= uint64(len(t.line)) {
		return false, errMalformed
	}
	length, size, offset, err := t.length(t.line[at:])
	if err != nil {
		return false, err
	}
	table := t.line[at:][size:][:length]
	if t.lineLeft -= size + len(table); t.lineLeft < 0 {
		return false, errRepeated
	}
	return true, t.checkNames(table, offset)
}

// checkNames wants a line table to have as many folders and files as it says, for which memory
// is taken ahead (DWARF 5, 6.2.4). Earlier versions say no number.
func (t *unitTables) checkNames(table []byte, offset int) error {
	const version5 = 5
	lengths := 4 + offset + 5 // behind the version, the sizes, the header's length and five settings
	if len(table) < 2 || t.order.Uint16(table) < version5 {
		return nil
	}
	if len(table) <= lengths {
		return errMalformed
	}
	c := cursor{data: table, at: lengths + max(int(table[lengths]), 1)}
	for range 2 { // of folders, then of files
		forms := make([]uint64, c.byte())
		for i := range forms {
			c.number() // what it is
			forms[i] = c.number()
		}
		for count := c.number(); count > 0; count-- {
			before := c.at
			for _, form := range forms {
				c.skip(form, offset)
			}
			if c.at > len(table) || c.at == before {
				return errMalformed
			}
		}
	}
	return nil
}

// cursor reads a table. Behind its end there are zeros.
type cursor struct {
	data []byte
	at   int
}

func (c *cursor) byte() (b byte) {
	if c.at < len(c.data) {
		b = c.data[c.at]
	}
	c.at++
	return b
}

// number reads a number of any length (LEB128).
func (c *cursor) number() (value uint64) {
	const bits, more = 7, 0x80
	for shift := 0; ; shift += bits {
		b := c.byte()
		if value |= uint64(b&^more) << min(shift, 63); b&more == 0 {
			return value
		}
	}
}

// skip skips a value of the forms that folders and files have (DWARF 5, 7.5.6).
func (c *cursor) skip(form uint64, offset int) {
	sizes := map[uint64]int{0x0b: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1e: 16, 0x0e: offset, 0x1f: offset}
	switch size, ok := sizes[form]; {
	case ok:
		c.at += size
	case form == 0x0f: // a number
		c.number()
	case form == 0x08: // text
		for c.byte() != 0 {
			continue
		}
	default:
		c.at = len(c.data) + 1
	}
}
