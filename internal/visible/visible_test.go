package visible_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/dlvgen/dlvgen/internal/visible"
)

func TestWhatActsOnATerminalIsShown(t *testing.T) {
	for _, test := range []struct {
		in, line, lines, quoted string
	}{
		{"/srv/my app", "/srv/my app", "/srv/my app", "/srv/my app"},
		{`/ünï/"日本"\x`, `/ünï/"日本"\x`, `/ünï/"日本"\x`, `/ünï/"日本"\x`},
		{"a\nb\tc", `a\nb\tc`, "a\nb\tc", `"a\nb\tc"`},
		{"a\r\nb\r", `a\r\nb\r`, "a\nb" + `\r`, `"a\r\nb\r"`},
		{"\x1b[2J\a", `\x1b[2J\a`, `\x1b[2J\a`, `"\x1b[2J\a"`},
		{"\x00\x7f\u009b", `\x00\x7f\u009b`, `\x00\x7f\u009b`, `"\x00\x7f\u009b"`},
		{"a\u202eb\u2066c\u2028", `a\u202eb\u2066c\u2028`, `a\u202eb\u2066c\u2028`, `"a\u202eb\u2066c\u2028"`},
		{"\xff\xc0", `\xff\xc0`, `\xff\xc0`, `"\xff\xc0"`},
		{"\ufffd", "\ufffd", "\ufffd", "\ufffd"},
	} {
		if got := visible.Line(test.in); got != test.line {
			t.Errorf("Line(%q) is %s, want %s", test.in, got, test.line)
		}
		if got := visible.Lines(test.in); got != test.lines {
			t.Errorf("Lines(%q) is %q, want %q", test.in, got, test.lines)
		}
		if got := visible.Quote(test.in); got != test.quoted {
			t.Errorf("Quote(%q) is %s, want %s", test.in, got, test.quoted)
		}
		if got, want := visible.Text(test.in), test.line == test.in; got != want {
			t.Errorf("Text(%q) is %v, want %v", test.in, got, want)
		}
	}
}

func TestJSONStaysTheSameValue(t *testing.T) {
	const value = "a\x1b\x7f\u009b\u202e\u2028\n\tü\u200f"
	data, err := json.MarshalIndent([]string{value}, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	shown := visible.JSON(data)
	var got []string
	if err := json.Unmarshal(shown, &got); err != nil || len(got) != 1 || got[0] != value {
		t.Errorf("%s is %q, %v", shown, got, err)
	}
	if text := string(bytes.TrimSpace(shown)); visible.Lines(text) != text {
		t.Errorf("%q has characters that act on a terminal", text)
	}
}
