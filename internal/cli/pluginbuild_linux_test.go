//go:build !race

// It builds as anybuilder_test.go does, for the same cache.

package cli_test

import (
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// TestThePluginBuildsOnTheEngineOfItsContext has a context that is neither the current one
// nor in the environment.
func TestThePluginBuildsOnTheEngineOfItsContext(t *testing.T) {
	reg := needBuildKit(t)
	testenv.Require(t, testenv.NeedDocker|testenv.NeedRoot)
	engine := testenv.SharedDocker(t)
	u := newUser(t, reg, engine)
	docker := dockerCommands(t, dockerConfig(t, engine.Host))[0]
	// As TestTheSameCommandLineOnEveryBuilder builds it, so from its cache.
	r := docker.run(t, "--context", "far", "dlvgen", "build", "--progress", "plain", "-t", reg.Ref("any/docker:v1"), "--push", u.service)
	if said := "building on Docker Engine's builder (context far, " + engine.Host + ")"; r.code != cli.ExitOK || !strings.Contains(r.stderr, said) {
		t.Fatalf("exit code %d, stderr lacks %q:\n%s", r.code, said, r.stderr)
	}
	if want := reg.Ref("any/docker:v1-debug") + "@" + digestOf(t, reg, "any/docker:v1-debug") + "\n"; r.stdout != want {
		t.Errorf("stdout has %q, want %q", r.stdout, want)
	}
}
