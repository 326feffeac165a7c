package delve

import "testing"

func TestFor(t *testing.T) {
	for goVersion, want := range map[string]string{
		"go1.16": Version, "go1.21.13": Version, "go1.26.8": Version, "go1.27rc1": Version,
		"devel go1.28-abcdef": Version,
		"go1.15.15":           "", "go1.28.1": "",
	} {
		got, err := For(goVersion)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("For(%q) = %q, %v, want %q", goVersion, got, err, want)
		}
	}
}
