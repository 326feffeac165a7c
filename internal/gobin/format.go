package gobin

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Kind says what a file that is no Go program for ELF systems is instead.
type Kind string

// The kinds of files.
const (
	KindUnknown   Kind = "unknown"   // nothing that the kernel starts: data, or an empty file
	KindScript    Kind = "script"    // starts with #!
	KindPE        Kind = "pe"        // a Windows executable
	KindMachO     Kind = "mach-o"    // a macOS executable
	KindNotGo     Kind = "not-go"    // ELF, but not an executable that Go built
	KindMalformed Kind = "malformed" // ELF whose headers or debug information contradict themselves
)

// FormatError says that a file is no Go program that could be inspected.
type FormatError struct {
	Kind Kind

	// Interpreter is what a script asks for after its #!, with the argument: "/bin/sh -e".
	Interpreter string

	// Detail completes the message, if not empty.
	Detail string

	// Err is the cause, where there is one.
	Err error
}

func (e *FormatError) Error() string {
	msg := "it is not an executable"
	switch e.Kind {
	case KindUnknown:
	case KindScript:
		msg = fmt.Sprintf("it is a script for %q, not a Go program", e.Interpreter)
	case KindPE:
		msg = "it is a Windows (PE) executable, not a Linux one"
	case KindMachO:
		msg = "it is a macOS (Mach-O) executable, not a Linux one"
	case KindNotGo:
		msg = "it is an ELF file but not a Go program"
	case KindMalformed:
		msg = "it is a damaged ELF file"
	}
	if e.Detail != "" {
		msg += ": " + e.Detail
	}
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// maxScriptLine is as much of a script's first line as Linux reads
// (BINPRM_BUF_SIZE in include/uapi/linux/binfmts.h).
const maxScriptLine = 256

// identify returns nil for ELF files, and a FormatError or the error of r for others.
func identify(r io.ReaderAt) error {
	head := make([]byte, maxScriptLine)
	n, err := r.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	head = head[:n]
	switch {
	case n == 0:
		return &FormatError{Kind: KindUnknown, Detail: "it is empty"}
	case bytes.HasPrefix(head, []byte("\x7fELF")):
		return nil
	case bytes.HasPrefix(head, []byte("#!")):
		return &FormatError{Kind: KindScript, Interpreter: interpreter(head)}
	case bytes.HasPrefix(head, []byte("MZ")):
		return &FormatError{Kind: KindPE}
	case isMachO(head):
		return &FormatError{Kind: KindMachO}
	}
	return &FormatError{Kind: KindUnknown, Detail: fmt.Sprintf("it starts with %q", head[:min(n, 8)])}
}

// interpreter returns the text after "#!" of a script's first line.
func interpreter(head []byte) string {
	line, _, _ := bytes.Cut(head[2:], []byte("\n"))
	printable := strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, string(line))
	return strings.TrimSpace(printable)
}

// isMachO recognises Mach-O files, thin ones of either byte order and fat ones.
// Java classes share the fat magic; what is their version, 45 and up, is the number
// of architectures in a fat file.
func isMachO(head []byte) bool {
	if len(head) < 8 {
		return false
	}
	switch binary.BigEndian.Uint32(head) {
	case 0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe:
		return true
	case 0xcafebabe, 0xcafebabf:
		return binary.BigEndian.Uint32(head[4:]) < 45
	}
	return false
}
