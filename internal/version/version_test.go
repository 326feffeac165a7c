package version

import "testing"

func TestOnlyAReleaseHasAVersionOfItsOwn(t *testing.T) {
	for module, want := range map[string]string{
		"v1.2.3": "v1.2.3", "v1.2.3-rc.1": "v1.2.3-rc.1",
		"": devel, "(devel)": devel, "v1.2.3+dirty": devel,
		"v0.0.0-20260102030405-0123456789ab": devel, "v1.2.4-0.20260102030405-0123456789ab+dirty": devel,
	} {
		if got := release(module); got != want {
			t.Errorf("%q: got %q, want %q", module, got, want)
		}
	}
}
