package standin

import (
	"testing"

	"github.com/dlvgen/dlvgen/internal/shim/shimtest"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

func TestMain(m *testing.M) {
	shimtest.Main(m, func() error { return nil }, runAsStandIn)
}

func runAsStandIn(s step.Step, args []string) int {
	if name := NameOf(s.Name); name != remover {
		return Strip(s, name, args)
	}
	return Remove(s, args)
}
