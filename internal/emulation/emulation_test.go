package emulation

import (
	"testing"

	"github.com/containerd/platforms"
)

func TestWhatAMachineRunsByItself(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"linux/amd64", "linux/amd64"}:       true,
		{"linux/amd64/v3", "linux/amd64"}:    true,
		{"linux/386", "linux/amd64"}:         true,
		{"linux/arm/v7", "linux/arm64"}:      true,
		{"linux/arm64", "linux/arm64/v8"}:    true,
		{"linux/arm64", "linux/amd64"}:       false,
		{"linux/amd64", "linux/arm64"}:       false,
		{"linux/amd64", "linux/386"}:         false,
		{"windows/amd64", "linux/amd64"}:     false,
		{"linux/riscv64", "linux/amd64/v2"}:  false,
		{"linux/arm64/v9", "linux/arm64/v8"}: true,
	} {
		if got := Native(platforms.MustParse(pair[0]), platforms.MustParse(pair[1])); got != want {
			t.Errorf("%s on %s: %v", pair[0], pair[1], got)
		}
	}
}
