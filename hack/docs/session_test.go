package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

const cast = `{"version": 2, "width": 30, "height": 3, "title": "a <title>"}
[0.1, "o", "$ "]
[0.2, "o", "l"]
[0.3, "o", "s\r\n\u001b[1;31mred <&>\u001b[0m  plain\r\n"]
[0.3, "m", "elsewhere"]
[9.0, "o", "\u001b[2A\u001b[Kgone\u001b[2B\r$ "]
[9.5, "m", ""]
`

func played(t *testing.T) film {
	t.Helper()
	r, err := readRecording(strings.NewReader(cast))
	if err != nil {
		t.Fatal(err)
	}
	return r.play()
}

func TestAScreenShowsWhatTheSessionWrote(t *testing.T) {
	f := played(t)
	var got []string
	for _, r := range f.rows {
		for _, s := range r.spans {
			if s.class != "cursor" {
				got = append(got, fmt.Sprintf("%d-%d line %d column %d %s %q", r.from.Milliseconds(), r.until.Milliseconds(), r.y, s.column, s.class, s.text))
			}
		}
	}
	want := []string{
		`100-200 line 0 column 0  "$"`,
		`200-300 line 0 column 0  "$ l"`,
		`300-1800 line 0 column 0  "$ ls"`,
		`1800-0 line 0 column 0  "gone"`,
		`300-0 line 1 column 0 c1 b "red <&>"`,
		`300-0 line 1 column 9  "plain"`,
		`1800-0 line 2 column 0  "$"`,
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("no row %s in\n%s", w, strings.Join(got, "\n"))
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d rows, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	if len(f.captions) != 1 || f.captions[0].from != 300*time.Millisecond || f.captions[0].until != 2300*time.Millisecond {
		t.Errorf("the captions are %+v", f.captions)
	}
}

func TestThePicturesAreWellFormed(t *testing.T) {
	r, err := readRecording(strings.NewReader(cast))
	if err != nil {
		t.Fatal(err)
	}
	svg, err := r.svg()
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, svg)
	for _, way := range ways {
		svg, err := way.svg()
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, svg)
	}
}

func wellFormed(t *testing.T, document []byte) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(string(document)))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
	}
}

// TestThePicturesOfDocsAreThoseOfTheirSources has pictures that nobody drew again.
func TestThePicturesOfDocsAreThoseOfTheirSources(t *testing.T) {
	dir := t.TempDir()
	recording, err := os.ReadFile("../../docs/session.cast")
	if err == nil {
		err = os.WriteFile(dir+"/session.cast", recording, 0o600)
	}
	if err == nil {
		err = drawPictures(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		drawn, err := os.ReadFile(dir + "/" + name.Name())
		if err != nil {
			t.Fatal(err)
		}
		if kept, err := os.ReadFile("../../docs/" + name.Name()); err != nil || !bytes.Equal(kept, drawn) {
			t.Errorf("docs/%s is another picture (%v): make site draws it", name.Name(), err)
		}
		if len(drawn) > 200_000 {
			t.Errorf("docs/%s has %d bytes", name.Name(), len(drawn))
		}
	}
}

// TestTheSessionNamesNoPlaces has a recording in which nobody finds this machine.
func TestTheSessionNamesNoPlaces(t *testing.T) {
	recording, err := os.ReadFile("../../docs/session.cast")
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{"/tmp", "/home", "/root", "/work", "unix://", "@" + host} {
		if strings.Contains(string(recording), place) {
			t.Errorf("the recording has %s", place)
		}
	}
}
