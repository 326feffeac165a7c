package registry

import "testing"

func TestASecretIsNotTakenOutOfWords(t *testing.T) {
	for _, tc := range []struct{ answer, secret, want string }{
		{"incorrect username or password", "pass", "incorrect username or password"},
		{`{"pass": "pass pass"}`, "pass", `{"…": "… …"}`},
		{"token=$a.b$", "$a.b$", "token=…"},
		{"xlong-password1y", "long-password1", "x…y"},
		{"nothing", "", "nothing"},
	} {
		if got := string(withoutSecret([]byte(tc.answer), tc.secret)); got != tc.want {
			t.Errorf("%q without %q is %q, want %q", tc.answer, tc.secret, got, tc.want)
		}
	}
}
