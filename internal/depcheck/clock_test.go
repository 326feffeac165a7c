package depcheck_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/depcheck"
)

func TestThePureDomainReadsNoClock(t *testing.T) {
	for _, name := range []string{"variants", "llbgen", "internal/shell"} {
		places, err := depcheck.ClockCalls(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, place := range places {
			t.Errorf("%s: take the time as an argument", place)
		}
	}
}

func TestAClockCallIsFound(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.go":      "package a\n\nimport \"time\"\n\nvar fixed = time.Unix(0, 0)\nvar now = time.Now()\n",
		"a_test.go": "package a\n\nimport \"time\"\n\nvar later = time.Now()\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	places, err := depcheck.ClockCalls(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(places) != 1 || !strings.HasSuffix(places[0], "a.go:6:11: time.Now") {
		t.Errorf("found %q, want the one call in a.go", places)
	}
}
