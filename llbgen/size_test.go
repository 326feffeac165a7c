package llbgen

import "testing"

func TestLooksAtSize(t *testing.T) {
	for script, want := range map[string]bool{
		`test "$(stat -c %s /server)" -lt 2000`:                         true,
		`[ $(wc -c </server) -lt 2000 ]`:                                true,
		`if [ "$(du -k /server | cut -f1)" -gt 9000 ]; then exit 1; fi`: true,
		`find / -name server -size +9M | grep . && exit 1`:              true,
		`ls -l /server | awk '{ exit $5 > 9000 }'`:                      true,
		`test -s /server && /server --version`:                          false,
		`wc -l main.go && ls /`:                                         false,
		`go build -o /server .`:                                         false,
	} {
		if got := looksAtSize([]string{"/bin/sh", "-c", script}); got != want {
			t.Errorf("%s: %t, want %t", script, got, want)
		}
	}
}
