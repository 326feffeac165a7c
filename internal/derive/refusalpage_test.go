package derive

import (
	"fmt"
	"strings"
	"testing"
)

func TestARefusalIsOneLineWhateverTheNames(t *testing.T) {
	err := &RefusalError{cause: fmt.Errorf("the programs are %s: choose with --program PATH", "/bin/a\x1b[2J\n/bin/b")}
	if got := err.Error(); strings.ContainsAny(got, "\n\x1b") || !strings.Contains(got, `/bin/a\x1b[2J\n/bin/b`) {
		t.Errorf("got %q", got)
	}
}
