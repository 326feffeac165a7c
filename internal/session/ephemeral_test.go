package session

import (
	"slices"
	"testing"
)

func TestChangesOfASecurityContextThatPreventDebugging(t *testing.T) {
	const asked = `{"capabilities":{"add":["SYS_PTRACE"]}}`
	for _, test := range []struct {
		asked, is string
		differ    []string
	}{
		{asked, asked, nil},
		{asked, `{"capabilities":{"add":["SYS_PTRACE"],"drop":["ALL"]},"allowPrivilegeEscalation":false}`, nil},
		{asked, `{"capabilities":{"drop":["ALL"]}}`, []string{`capabilities {"drop":["ALL"]} instead of {"add":["SYS_PTRACE"]}`}},
		{asked, `{"capabilities":{"add":["SYS_PTRACE"]},"runAsUser":1234}`, []string{"runAsUser 1234 instead of none"}},
		{asked, `{"capabilities":{"add":["SYS_PTRACE"]},"runAsUser":65532}`, nil}, // the program's own
		{`{"runAsUser":0}`, `{"runAsUser":1000}`, []string{"runAsUser 1000 instead of 0"}},
		{`{"runAsUser":65532,"runAsGroup":7}`, `{"runAsUser":65532,"runAsGroup":8}`, []string{"runAsGroup 8 instead of 7"}},
		{asked, "", []string{`capabilities none instead of {"add":["SYS_PTRACE"]}`}},
		{"", `{"runAsUser":1234}`, nil},
	} {
		if got := changed([]byte(test.asked), []byte(test.is), 65532); !slices.Equal(got, test.differ) {
			t.Errorf("%s, %s: got %q, want %q", test.asked, test.is, got, test.differ)
		}
	}
}
