package cli

import (
	"testing"

	"github.com/dlvgen/dlvgen/internal/doctor"
	"github.com/google/go-cmp/cmp"
)

// TestResultsAreAligned has texts that would act on the terminal.
func TestResultsAreAligned(t *testing.T) {
	got := examined([]doctor.Result{
		{Name: "go", Status: doctor.OK, Found: "Go\x1b[2J 1.26"},
		{Name: "ptrace_scope", Status: doctor.Warning, Found: "it is 2", Remedy: "set it\nto 1", Details: []string{"one", "two\u202e"}},
	})
	want := `ok       go            Go\x1b[2J 1.26
warning  ptrace_scope  it is 2
                       one
                       two\u202e
                       -> set it\nto 1
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the results (-want +got):\n%s", diff)
	}
}
