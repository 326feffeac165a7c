package builders

import (
	"strings"
	"testing"

	"github.com/docker/buildx/util/platformutil"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// offering reads "DECLARED|ANSWERED", two lists of platforms; "down" has not answered.
func offering(t *testing.T, text string) offer {
	t.Helper()
	parse := func(list string) []ocispecs.Platform {
		if list == "" {
			return nil
		}
		ps, err := platformutil.Parse(strings.Split(list, ","))
		if err != nil {
			t.Fatal(err)
		}
		return ps
	}
	declared, answered, _ := strings.Cut(text, "|")
	if answered == "down" {
		return offer{declared: parse(declared), down: true}
	}
	return offer{declared: parse(declared), answered: parse(answered)}
}

func TestEachPlatformGoesToTheNodeThatFitsBest(t *testing.T) {
	const (
		amd  = "|linux/amd64,linux/amd64/v2,linux/386"
		arm  = "|linux/arm64,linux/arm/v7,linux/arm/v6"
		qemu = "|linux/amd64,linux/amd64/v2,linux/arm64,linux/386,linux/arm/v7,linux/riscv64" // amd64 with emulators
	)
	for _, test := range []struct {
		name, platform string
		nodes          []string
		node           int
		how            fit
	}{
		{"declared", "linux/arm64", []string{"linux/amd64|", "linux/arm64|"}, 1, fitDeclared},
		{"declared in another spelling", "linux/arm64/v8", []string{"linux/amd64|", "linux/arm64|"}, 1, fitDeclared},
		{"declared beats native", "linux/arm64", []string{arm, "linux/arm64" + amd}, 1, fitDeclared},
		{"the first of two", "linux/amd64", []string{amd, amd}, 0, fitNative},
		{"the first of two that are declared", "linux/amd64", []string{"linux/arm64|", "linux/amd64|", "linux/amd64|"}, 1, fitDeclared},
		{"native", "linux/arm64", []string{amd, arm}, 1, fitNative},
		{"native beats emulated", "linux/arm64", []string{qemu, arm}, 1, fitNative},
		{"a variant of its own", "linux/amd64/v2", []string{arm, amd}, 1, fitNative},
		{"what a declared one includes", "linux/arm/v7", []string{amd, "linux/arm64|"}, 1, fitNative},
		{"what a native one includes", "linux/arm/v7", []string{qemu, "|linux/arm64"}, 1, fitNative},
		{"exact beats included", "linux/arm/v7", []string{"|linux/arm64", "|linux/arm/v7"}, 1, fitNative},
		{"emulated", "linux/riscv64", []string{arm, qemu}, 1, fitEmulated},
		{"nobody has it", "linux/s390x", []string{arm, qemu}, 0, fitNone},
		{"the declared one is down", "linux/arm64", []string{amd, "linux/arm64|down", arm}, 2, fitNative},
		{"the first is down", "linux/s390x", []string{"|down", amd}, 1, fitNone},
		{"all are down", "linux/amd64", []string{"linux/amd64|down", "|down"}, -1, fitNone},
	} {
		var offers []offer
		for _, text := range test.nodes {
			offers = append(offers, offering(t, text))
		}
		p, err := platformutil.Parse([]string{test.platform})
		if err != nil {
			t.Fatal(err)
		}
		if node, how := place(p[0], offers); node != test.node || how != test.how {
			t.Errorf("%s: %s goes to node %d, fit %d, want %d, %d", test.name, test.platform, node, how, test.node, test.how)
		}
	}
}
