package toolflags

import (
	"slices"
	"testing"
)

func texts(words []Word) []string {
	var texts []string
	for _, w := range words {
		texts = append(texts, w.Text)
	}
	return texts
}

// The cases are those of cmd/internal/quoted and a few of flags as people write
// them.
func TestWordsSplitAsTheGoCommandSplitsThem(t *testing.T) {
	for _, test := range []struct {
		value string
		want  []string
		fails bool
	}{
		{value: "", want: nil},
		{value: "   ", want: nil},
		{value: "abc", want: []string{"abc"}},
		{value: "  abc", want: []string{"abc"}},
		{value: "abc  ", want: []string{"abc"}},
		{value: "  abc  ", want: []string{"abc"}},
		{value: "abc  def", want: []string{"abc", "def"}},
		{value: "abc\tdef\nghi\rjkl", want: []string{"abc", "def", "ghi", "jkl"}},
		{value: "\"abc  \"", want: []string{"abc  "}},
		{value: "'abc  '", want: []string{"abc  "}},
		{value: "\"abc \"def", want: []string{"abc ", "def"}},
		{value: "'it\"s'", want: []string{"it\"s"}},
		{value: "a'b c'd", want: []string{"a'b", "c'd"}},
		{value: "''", want: []string{""}},
		{value: "-X 'main.v=a b'", want: []string{"-X", "main.v=a b"}},
		{value: "\u00a0a", want: []string{"\u00a0a"}},
		{value: "\"", fails: true},
		{value: "a 'b", fails: true},
	} {
		words, err := Split(test.value)
		if (err != nil) != test.fails || !slices.Equal(texts(words), test.want) {
			t.Errorf("Split(%q) = %q, %v, want %q", test.value, texts(words), err, test.want)
		}
		again, err := Split(Join(words))
		if err != nil || !slices.Equal(texts(again), texts(words)) {
			t.Errorf("Split(%q) is %q after a join", test.value, texts(again))
		}
	}
}
