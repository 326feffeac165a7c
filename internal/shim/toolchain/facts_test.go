package toolchain

import "testing"

func TestMinorVersionIsReadFromEveryFormOfVersion(t *testing.T) {
	for version, want := range map[string]int{
		"go1.16": 16, "go1.21.13": 21, "go1.27rc1": 27, "devel go1.23-abcdef Mon": 23,
		"go1.26.8 X:jsonv2": 26, "devel +abcdef": 999, "": 999,
	} {
		if got := (Facts{GOVERSION: version}).Minor(); got != want {
			t.Errorf("minor version of %q = %d, want %d", version, got, want)
		}
	}
}
