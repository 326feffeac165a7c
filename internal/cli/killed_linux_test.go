package cli_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// wholeTag says that a debug tag is there. What it names is whole then.
func wholeTag(t *testing.T, reg *testenv.Registry, name string) bool {
	t.Helper()
	digest := digestOf(t, reg, name)
	if digest == "" {
		return false
	}
	ref, err := registry.Parse(reg.Ref(name))
	if err != nil {
		t.Fatal(err)
	}
	if err := registry.New().Verify(proctest.Context(t), ref, digest); err != nil {
		t.Error(err)
	}
	return true
}

// TestABuildThatIsKilledIsFinishedByTheNext kills builds of what BuildKit's cache has, at random
// moments, which are those of the push. internal/registry kills many more.
func TestABuildThatIsKilledIsFinishedByTheNext(t *testing.T) {
	reg := needBuildKit(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := func(tag string) []string {
		return []string{"-t", reg.Ref("cli/killed:" + tag), "--push", testenv.Service(t, "hello")}
	}
	mustBuild(t, args("v0")...)
	begun := time.Now()
	mustBuild(t, args("v1")...)
	took := time.Since(begun)
	seed := uint64(begun.UnixNano())
	t.Logf("seed %d, a build takes %s", seed, took)
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // moments, not secrets
	for run := range 4 {
		tag := fmt.Sprintf("run%d", run)
		cmd := exec.CommandContext(proctest.Context(t), self, append([]string{"build", "--addr", testenv.SharedBuildKit(t).Addr, "--progress", "quiet"}, args(tag)...)...)
		cmd.Env = append(os.Environ(), callEnv+"=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		moment := took/4 + time.Duration(random.Int64N(int64(took)))
		timer := time.AfterFunc(moment, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		moved := wholeTag(t, reg, "cli/killed:"+tag+"-debug")
		t.Logf("killed after %s: moved %t, %v", moment, moved, err)
		mustBuild(t, args(tag)...)
		if !wholeTag(t, reg, "cli/killed:"+tag+"-debug") {
			t.Errorf("%s: the next build has not moved the tag", tag)
		}
	}
}
