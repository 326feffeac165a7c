package launch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/variants"
)

// Init goes on without a plan that it cannot read, but not with one that it would misread.
func TestAPlanOfALaterFormatIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plan.json")
	for _, test := range []struct{ content, want string }{
		{`{"format": 2, "version": "v9.9.9", "program": "/server"}`, `use the dlvgen that derived the image, "v9.9.9"`},
		{`{"version": "v0.1.0"}`, ""},
		{`{`, ""},
	} {
		if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		_, _, err := Config{Executable: layout.Init, Plan: file, Messages: &said}.resolver()
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasSuffix(err.Error(), test.want)) {
			t.Errorf("%s: the error is %v, want %q", test.content, err, test.want)
		}
	}
}

func TestWordsOfThePlanAreThoseThatAreWritten(t *testing.T) {
	if entryInplace != string(variants.EntryInplace) || modeHold != mode(variants.StartHold) || modeContinue != mode(variants.StartContinue) {
		t.Error("a word of the plan is another one here")
	}
}
