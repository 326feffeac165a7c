package session

import (
	"strings"
	"testing"
)

func TestChangesOfADebuggerThatPreventIt(t *testing.T) {
	const asked = `{"capabilities":{"add":["SYS_PTRACE"]}}`
	for _, test := range []struct {
		asked, is string
		own       int64
		want      string
	}{
		{asked, asked, 0, ""},
		{asked, `{"capabilities":{"add":["NET_ADMIN","SYS_PTRACE"],"drop":["ALL"]},"allowPrivilegeEscalation":false}`, 0, ""},
		{asked, `{"capabilities":{"drop":["ALL"]}}`, 0, "it would not have the capability SYS_PTRACE"},
		{asked, "", 0, "it would not have the capability SYS_PTRACE"},
		{asked, `{"capabilities":{"add":["SYS_PTRACE"]},"runAsUser":0}`, 0, ""},
		{asked, `{"capabilities":{"add":["SYS_PTRACE"]},"runAsNonRoot":true}`, 0, "it would be root, and must not be"},
		{asked, `{"capabilities":{"add":["SYS_PTRACE"]},"runAsUser":1234}`, 0, "it would run as the user 1234, not as 0"},
		{asked, `{"capabilities":{"drop":["ALL"]},"runAsUser":65532}`, 0, ""}, // the program's own
		{asked, `{"capabilities":{"drop":["ALL"]},"runAsNonRoot":true}`, 65532, ""},
		{`{"runAsUser":0}`, `{"runAsUser":1000}`, 0, "it would run as the user 1000, not as 0"},
		{`{"runAsUser":65532,"runAsGroup":7,"capabilities":{"add":["SYS_PTRACE"]}}`, `{"runAsUser":65532,"runAsGroup":8,"capabilities":{"drop":["ALL","KILL"]}}`, 0, ""},
		{"", `{"runAsUser":1234}`, 0, "it would run as the user 1234, not as 0"},
	} {
		err := changed([]byte(test.asked), []byte(test.is), test.own, 65532)
		if got := errorText(err); (test.want == "") != (err == nil) || !strings.HasSuffix(got, test.want) {
			t.Errorf("%s, %s: got %q, want %q", test.asked, test.is, got, test.want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
